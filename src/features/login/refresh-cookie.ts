/**
 * Cookie mode: the refresh token travels in an HttpOnly cookie that only the auth routes receive. A browser sends it by
 * itself, so a request that carries it must come from an allowed origin.
 */
import type { Config } from "../../config/config.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { type Refusal, refuse } from "../../platform/refusal.ts";
import { verifyRefreshToken } from "../../sessions/refresh-token.ts";
import type { TokenPair } from "../../tokens/token-pair.ts";

/** The prefix binds the cookie to https (RFC 6265bis §4.1.3.1). `__Host-` would widen its path to `/`. */
export const REFRESH_COOKIE = "__Secure-postern_refresh";
/** The name during development on http://localhost. WebKit, and so Safari, keeps no `Secure` cookie there. */
export const LOCAL_REFRESH_COOKIE = "postern_refresh";

const PATH = "/api/v1/auth";
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;
/** Each cookie that is tried costs a call to storage. */
const MOST_TRIED = 4;

/**
 * The refresh tokens in the request's cookies; empty if it has no such cookie. Cookies with the same name that this
 * service did not make are left out, unless there are no others. Handlers read cookies only with this function, because
 * it checks the origin: a page of another origin can make a browser send them.
 */
export function readRefreshCookies(
  { config, secrets }: Pick<Services, "config" | "secrets">,
  exchange: Exchange,
): string[] | Refusal<"origin_not_allowed"> {
  const sent = [...new Set(exchange.cookies(nameOf(isSecure(config))))];
  if (sent.length > 0 && !exchange.hasAllowedOrigin()) return refuse("origin_not_allowed");
  const ours = sent.filter((token) => verifyRefreshToken(token, secrets) !== undefined);
  return ours.length > 0 ? ours.slice(0, MOST_TRIED) : sent.slice(0, 1);
}

/** In development also clears the cookie of the other scheme: the same host may be used over http and over https. */
export function clearRefreshCookie({ config }: Pick<Services, "config">, exchange: Exchange): void {
  const current = isSecure(config);
  for (const secure of config.development ? [current, !current] : [current]) {
    writeRefreshCookie(config, exchange, { token: "", maxAge: 0, secure });
  }
}

/** The pair as the client gets it: in cookie mode the refresh token is only in the cookie. */
export function handOut(
  { config }: Pick<Services, "config">,
  exchange: Exchange,
  tokens: TokenPair,
  inCookie: boolean,
): Omit<TokenPair, "refresh_token"> & { refresh_token?: string } {
  if (!inCookie) return tokens;
  const { refresh_token: token, ...rest } = tokens;
  writeRefreshCookie(config, exchange, { token, maxAge: tokens.refresh_expires_in, secure: isSecure(config) });
  return rest;
}

/** `maxAge` in seconds. */
function writeRefreshCookie(
  config: Config,
  exchange: Exchange,
  { token, maxAge, secure }: { token: string; maxAge: number; secure: boolean },
): void {
  exchange.setCookie(nameOf(secure), token, {
    path: PATH,
    httpOnly: true,
    secure,
    sameSite: SAME_SITE[config.sessions.cookieSameSite],
    maxAge,
  });
}

/** Only development takes a PUBLIC_URL on http. Browsers keep `SameSite=None` only together with `Secure`. */
function isSecure({ publicUrl, sessions }: Config): boolean {
  return new URL(publicUrl).protocol === "https:" || sessions.cookieSameSite === "none";
}

function nameOf(secure: boolean): string {
  return secure ? REFRESH_COOKIE : LOCAL_REFRESH_COOKIE;
}
