/**
 * Cookie mode: the refresh token travels in an HttpOnly cookie that only the auth routes see. Since
 * a browser sends it by itself, a request that carries it must come from an origin that may.
 */
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { type Refusal, refuse } from "../http/problems.ts";
import { hasAllowedOrigin } from "../http/request-origin.ts";

/** The prefix binds the cookie to https (RFC 6265bis §4.1.3.1). `__Host-` would widen its path to `/`. */
export const REFRESH_COOKIE = "__Secure-postern_refresh";
const PATH = "/api/v1/auth";
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/**
 * The refresh token that the browser sent along, if any. This is the only way to it, and it is refused where the
 * request does not come from an origin that may use it: a foreign page can have it sent, and must not profit.
 */
export function readRefreshCookie(
  c: Context<AppEnv>,
  config: Config,
): { token: string | undefined } | Refusal<"origin_not_allowed"> {
  const token = getCookie(c, REFRESH_COOKIE);
  return token === undefined || hasAllowedOrigin(c, config) ? { token } : refuse("origin_not_allowed");
}

export function writeRefreshCookie(c: Context<AppEnv>, config: Config, token: string, maxAge: number): void {
  setCookie(c, REFRESH_COOKIE, token, {
    path: PATH,
    httpOnly: true,
    secure: true,
    sameSite: SAME_SITE[config.sessions.cookieSameSite],
    maxAge,
  });
}

export function clearRefreshCookie(c: Context<AppEnv>, config: Config): void {
  writeRefreshCookie(c, config, "", 0);
}
