/** The routes that the client calls itself. */
import type { Surroundings } from "./browser.ts";
import { errorOf, networkError, readError } from "./error.ts";
import type { Answer, Body, User } from "./types.ts";

/** Long enough for a slow phone and a password that waits to be hashed. */
const TIMEOUT_MILLISECONDS = 15_000;

type Json = Partial<Record<string, unknown>>;

/**
 * For each route, checks that a successful response has the fields that the client uses. A proxy, or the log-in page of
 * a network, may answer 200 with other content, which must not count as a success.
 */
const KNOWN_BY = {
  "/api/v1/auth/register": ({ status }: Json) => typeof status === "string",
  "/api/v1/auth/login": isLogin,
  "/api/v1/auth/second-factor": isLogin,
  "/api/v1/auth/second-factor/email": ({ status }: Json) => typeof status === "string",
  "/api/v1/auth/passkey": isLogin,
  "/api/v1/auth/enrolment/totp/confirm": isLogin,
  "/api/v1/auth/enrolment/passkey": isLogin,
  "/api/v1/auth/email-login": (answer: Json) => typeof answer.login_code === "string",
  "/api/v1/auth/email-login/confirm": isLogin,
  "/api/v1/auth/refresh": isTokenPair,
  "/api/v1/auth/reauthenticate": isTokenPair,
  /** These routes answer a success with 204 and no body. Proxies do not send a 204. */
  "/api/v1/auth/check-cookie": undefined,
  "/api/v1/auth/logout": undefined,
};

type Route = keyof typeof KNOWN_BY;

/** What a request may need besides its body. `patience` is the timeout in milliseconds. */
type More = { bearer?: string | undefined; keepalive?: boolean; patience?: number };

export type Service = ReturnType<typeof createService>;

/** `usesCookie`: whether the browser keeps the refresh token. */
export function createService(
  baseUrl: string,
  usesCookie: boolean,
  { fetch, timeout }: Pick<Surroundings, "fetch" | "timeout">,
) {
  return {
    /** Posts JSON. Throws a `PosternError` if the request fails. With `keepalive`, the request outlives its page. */
    async post<Of extends Route>(route: Of, body: Body<Of>, more: More = {}): Promise<Answer<Of>> {
      const { bearer, keepalive = false, patience = TIMEOUT_MILLISECONDS } = more;
      const headers = new Headers({ "Content-Type": "application/json" });
      if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
      const init: RequestInit & { credentials?: "include"; keepalive: boolean } = {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        // The service never redirects. If another server does, the password must not be sent on.
        redirect: "manual",
        signal: timeout(patience),
        keepalive,
        ...(usesCookie ? { credentials: "include" } : {}),
      };
      const response = await fetch(new URL(route, baseUrl), init).catch((cause) => Promise.reject(networkError(cause)));
      const isKnown = KNOWN_BY[route];
      // A refresh with `restore` also gets a 204 if there is no session.
      const mayBeEmpty = isKnown === undefined || route === "/api/v1/auth/refresh";
      if (mayBeEmpty && response.status === 204) return JSON.parse("null");
      if (isKnown === undefined) throw await readError(response);
      return readJson(response, isKnown);
    },
  };
}

/** The user in a response of `/users/me`. Throws a `PosternError` if it contains none. */
export function readUser(response: Response): Promise<User> {
  return readJson(response, isUser);
}

async function readJson(response: Response, isKnown: (answer: Json) => boolean) {
  const text = await response.text().catch((cause) => Promise.reject(networkError(cause)));
  if (response.ok) {
    try {
      const answer = JSON.parse(text);
      if (isKnown(answer)) return answer;
    } catch {
      // Not JSON, or `null`.
    }
  }
  throw errorOf(response, text);
}

function isLogin(answer: Json): boolean {
  return isTokenPair(answer) && isUser(answer.user);
}

function isTokenPair({ access_token, session_id, expires_in }: Json): boolean {
  return typeof access_token === "string" && typeof session_id === "string" && typeof expires_in === "number";
}

function isUser(user: unknown): boolean {
  return typeof user === "object" && user !== null && "id" in user && typeof user.id === "string";
}
