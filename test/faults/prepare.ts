/** Turns the model's requests into the HTTP requests that clients of the user and operators send. */
import { env } from "cloudflare:workers";
import { resetToken, sign } from "./cast.ts";
import type { Held, Request, World } from "./model.ts";
import { type FaultyRequest, sendWithFault } from "./send.ts";

type Tokens = Held & { access: string; refresh: string };

/**
 * What the test knows: the tokens, and the possible worlds (states). If a fault hides an outcome, several are possible.
 */
export interface Known {
  worlds: World[];
  held: Tokens[];
  /** The number of the address or password that was chosen last. */
  chosen: number;
}

/** The service, and what clients of the user need. */
export interface Service {
  name: string;
  link: string | undefined;
  waited: number;
  /** Whether limits apply. A request that a limit refuses changes nothing. */
  isLimited: boolean;
  /** The access token of an operator, made before the clock moved. */
  operator: string;
}

export const emailOf = (name: string, which: number) => `${name}-${which}@example.com`;
export const passwordOf = (which: number) => `the fine password of choice ${which}`;
const turnstile_token = "a-token-of-turnstile";

const idOf = async (table: "users" | "registrations", name: string) =>
  env.DB.prepare(`SELECT id FROM ${table} WHERE username = ?`).bind(name).first<string>("id");

/** The request as a client sends it, or the code of the refusal if the client can't make it. */
export async function prepare(request: Request, service: Service, known: Known): Promise<FaultyRequest | string> {
  const { name } = service;
  const auth = (path: string, body: object): FaultyRequest => ({ method: "POST", path: `/api/v1/auth/${path}`, body });
  const own = (method: string, path: string, held: Held, body: object = {}): FaultyRequest => {
    const tokens = known.held.find((each) => each === held);
    return { method, path: `/api/v1/${path}`, bearer: tokens?.access, body };
  };
  const operate = async (method: string, body?: object): Promise<FaultyRequest> => {
    const bearer = service.operator;
    return { method, path: `/api/v1/users/${await idOf("users", name)}`, bearer, ...(body ? { body } : {}) };
  };
  switch (request.kind) {
    case "register": {
      const email = emailOf(name, 0);
      return auth("register", { email, username: name, password: passwordOf(0), turnstile_token });
    }
    case "verify": {
      const id = await idOf("registrations", name);
      if (id !== null) service.link ??= sign("verify-email", id);
      return service.link === undefined ? "invalid_token" : auth("verify-email", { token: service.link });
    }
    case "login": {
      const { email, password } = request;
      return auth("login", { email: emailOf(name, email), password: passwordOf(password), turnstile_token });
    }
    case "reset": {
      const token = await resetToken(String(await idOf("users", name)));
      return auth("reset-password", { token, new_password: passwordOf(request.to) });
    }
    case "refresh":
      return auth("refresh", { refresh_token: known.held.find((each) => each === request.held)?.refresh });
    case "logout":
      return own("POST", "auth/logout", request.held);
    case "logoutEverywhere":
      return own("POST", "auth/logout", request.held, { all: true });
    case "changePassword": {
      const body = { current_password: passwordOf(request.password), new_password: passwordOf(request.to) };
      return own("POST", "users/change-password", request.held, body);
    }
    case "leave":
      return own("DELETE", "users/me", request.held, { password: passwordOf(request.password) });
    case "move": {
      const email = emailOf(name, request.to);
      const body = { email, password: passwordOf(request.password) };
      const asked = await sendWithFault({ isUnlimited: true, ...own("POST", "users/me/email", request.held, body) });
      if (asked.answer?.status !== 202) return asked.answer?.json?.code ?? "unavailable";
      const found = env.DB.prepare("SELECT id FROM email_changes WHERE new_email = ?").bind(email);
      return auth("confirm-email", { token: sign("confirm-email", String(await found.first<string>("id"))) });
    }
    case "suspend":
      return operate("PATCH", { is_active: false });
    case "reinstate":
      return operate("PATCH", { is_active: true });
    case "promote":
      return operate("PATCH", { role: "moderator" });
    case "demote":
      return operate("PATCH", { role: "user" });
    default:
      return operate("DELETE");
  }
}
