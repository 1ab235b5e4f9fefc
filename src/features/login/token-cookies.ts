/**
 * The cookies of cookie mode. Each holds a token that scripts can't read, and only the auth routes receive the cookie.
 * Browsers send cookies by themselves, so a request with one of these cookies must come from an allowed origin.
 */
import type { Config } from "../../config/config.ts";
import type { Exchange } from "../../http/exchange.ts";

/** A cookie's name without the prefix that binds it to https. */
type TokenCookie = "postern_refresh" | "postern_trusted_device" | "postern_email_login";

const PATH = "/api/v1/auth";
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/** The values of all cookies with this name, in the browser's order. */
export function readTokenCookies(config: Config, exchange: Exchange, name: TokenCookie): string[] {
  return [...new Set(exchange.cookies(tokenCookieName(name, isSecure(config))))];
}

/** `maxAge` in seconds. */
export function writeTokenCookie(
  config: Config,
  exchange: Exchange,
  { name, token, maxAge }: { name: TokenCookie; token: string; maxAge: number },
): void {
  write(config, exchange, { name, token, maxAge, secure: isSecure(config) });
}

/** In development, also clears the cookie of the other scheme: a developer may use one host over http and https. */
export function clearTokenCookie(config: Config, exchange: Exchange, name: TokenCookie): void {
  const current = isSecure(config);
  for (const secure of config.development ? [current, !current] : [current]) {
    write(config, exchange, { name, token: "", maxAge: 0, secure });
  }
}

function write(
  config: Config,
  exchange: Exchange,
  { name, token, maxAge, secure }: { name: TokenCookie; token: string; maxAge: number; secure: boolean },
): void {
  exchange.setCookie(tokenCookieName(name, secure), token, {
    path: PATH,
    httpOnly: true,
    secure,
    sameSite: SAME_SITE[config.sessions.cookieSameSite],
    maxAge,
  });
}

/** Only development accepts a `PUBLIC_URL` with http. Browsers reject a cookie with `SameSite=None` but no `Secure`. */
function isSecure({ publicUrl, sessions }: Config): boolean {
  return new URL(publicUrl).protocol === "https:" || sessions.cookieSameSite === "none";
}

/**
 * The prefix `__Secure-` binds the cookie to https (RFC 6265bis §4.1.3.1). `__Host-` would require the path `/`. On
 * http://localhost during development, the cookie has no prefix, because WebKit, and so Safari, keeps no `Secure`
 * cookie there.
 */
export function tokenCookieName(name: TokenCookie, secure: boolean): string {
  return secure ? `__Secure-${name}` : name;
}
