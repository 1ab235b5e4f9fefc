/**
 * Cookie mode: the refresh token travels in an HttpOnly cookie that only the auth routes receive. A browser sends it by
 * itself, so a request that carries it must come from an allowed origin.
 */
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { type Refusal, refuse } from "../../platform/refusal.ts";
import type { TokenPair } from "../../tokens/token-pair.ts";

/** The prefix binds the cookie to https (RFC 6265bis §4.1.3.1). `__Host-` would widen its path to `/`. */
export const REFRESH_COOKIE = "__Secure-postern_refresh";
const PATH = "/api/v1/auth";
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/**
 * The refresh token in the request's cookie, if any. Handlers read it only with this function, because it checks the
 * origin: a page of another origin can make a browser send the cookie.
 */
export function readRefreshCookie(exchange: Exchange): { token: string | undefined } | Refusal<"origin_not_allowed"> {
  const token = exchange.cookie(REFRESH_COOKIE);
  return token === undefined || exchange.hasAllowedOrigin() ? { token } : refuse("origin_not_allowed");
}

export function clearRefreshCookie(services: Pick<Services, "config">, exchange: Exchange): void {
  writeRefreshCookie(services, exchange, "", 0);
}

/** The pair as the client gets it: in cookie mode the refresh token is only in the cookie. */
export function handOut(
  services: Pick<Services, "config">,
  exchange: Exchange,
  tokens: TokenPair,
  inCookie: boolean,
): Omit<TokenPair, "refresh_token"> & { refresh_token?: string } {
  if (!inCookie) return tokens;
  const { refresh_token, ...rest } = tokens;
  writeRefreshCookie(services, exchange, refresh_token, tokens.refresh_expires_in);
  return rest;
}

/** `maxAge` in seconds. */
function writeRefreshCookie(
  { config }: Pick<Services, "config">,
  exchange: Exchange,
  token: string,
  maxAge: number,
): void {
  exchange.setCookie(REFRESH_COOKIE, token, {
    path: PATH,
    httpOnly: true,
    secure: true,
    sameSite: SAME_SITE[config.sessions.cookieSameSite],
    maxAge,
  });
}
