/** The routes of the service that the client calls by itself. */
import type { Surroundings } from "./browser.ts";
import { errorOf, networkError } from "./error.ts";
import type { Answer, Body, PostRoute } from "./types.ts";

/** Long enough for a slow phone and a password that waits to be hashed. */
const TIMEOUT_MILLISECONDS = 15_000;

export interface Service {
  /**
   * Posts JSON. Throws a `PosternError` for whatever is no success. `keepalive` lets the request outlive its page;
   * `patience` is how many milliseconds the answer may take.
   */
  post<Route extends PostRoute>(
    route: Route,
    body: Body<Route>,
    more?: { bearer?: string | undefined; keepalive?: boolean; patience?: number },
  ): Promise<Answer<Route>>;
}

/** `usesCookie`: whether the browser keeps the refresh token. */
export function createService(
  baseUrl: string,
  usesCookie: boolean,
  { fetch, timeout }: Pick<Surroundings, "fetch" | "timeout">,
): Service {
  return {
    async post(route, body, { bearer, keepalive = false, patience = TIMEOUT_MILLISECONDS } = {}) {
      const headers = new Headers({ "Content-Type": "application/json" });
      if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
      const init: RequestInit & { credentials?: "include"; keepalive: boolean } = {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        // The service never redirects, and a password follows nobody else's redirect.
        redirect: "manual",
        signal: timeout(patience),
        keepalive,
        ...(usesCookie ? { credentials: "include" } : {}),
      };
      const response = await fetch(new URL(route, baseUrl), init).catch((cause) => Promise.reject(networkError(cause)));
      const text = await response.text().catch((cause) => Promise.reject(networkError(cause)));
      if (!response.ok) throw errorOf(response, text);
      if (response.status === 204) return JSON.parse("null");
      try {
        return JSON.parse(text);
      } catch {
        throw errorOf(response, text);
      }
    },
  };
}
