/**
 * Cookie mode: the refresh token travels in an HttpOnly cookie that only the auth routes see. Since
 * a browser sends it by itself, a request that carries it must come from an origin that may.
 */
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";

/** The prefix binds the cookie to https (RFC 6265bis §4.1.3.1). `__Host-` would widen its path to `/`. */
export const REFRESH_COOKIE = "__Secure-postern_refresh";
const PATH = "/api/v1/auth";
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

export function readRefreshCookie(c: Context<AppEnv>): string | undefined {
  return getCookie(c, REFRESH_COOKIE);
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

/** Whether the request says that it comes from this service's own pages or a listed origin. Silence is a no. */
export function hasAllowedOrigin(c: Context<AppEnv>, config: Config): boolean {
  const origin = c.req.header("Origin");
  return (
    origin !== undefined && (origin === new URL(config.publicUrl).origin || config.allowedOrigins.includes(origin))
  );
}
