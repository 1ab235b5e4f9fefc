/** The refresh token in cookie mode: it travels in a cookie. */
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { type Refusal, refuse } from "../../platform/refusal.ts";
import { verifyRefreshToken } from "../../sessions/refresh-token.ts";
import type { TokenPair } from "../../tokens/token-pair.ts";
import { clearTokenCookie, readTokenCookies, writeTokenCookie } from "./token-cookies.ts";

const NAME = "postern_refresh";

/** The maximum number of cookies that one request tries. Each costs a call to storage. */
const MOST_TRIED = 4;

/**
 * The refresh tokens in the request's cookies; empty if there is no such cookie. Leaves out cookies with the same name
 * that this service did not make. If there are only such cookies, returns the first one, which the handler then
 * refuses. Handlers must read the cookie with this function, because it checks the origin: a page of another origin can
 * make a browser send the cookie.
 */
export function readRefreshCookies(
  { config, secrets }: Pick<Services, "config" | "secrets">,
  exchange: Exchange,
): string[] | Refusal<"origin_not_allowed"> {
  const sent = readTokenCookies(config, exchange, NAME);
  if (sent.length > 0 && !exchange.hasAllowedOrigin()) return refuse("origin_not_allowed");
  const ours = sent.filter((token) => verifyRefreshToken(token, secrets) !== undefined);
  return ours.length > 0 ? ours.slice(0, MOST_TRIED) : sent.slice(0, 1);
}

export function clearRefreshCookie({ config }: Pick<Services, "config">, exchange: Exchange): void {
  clearTokenCookie(config, exchange, NAME);
}

/** The pair of tokens for the response. In cookie mode, the refresh token is only in the cookie. */
export function handOut(
  { config }: Pick<Services, "config">,
  exchange: Exchange,
  tokens: TokenPair,
  inCookie: boolean,
): Omit<TokenPair, "refresh_token"> & { refresh_token?: string } {
  if (!inCookie) return tokens;
  const { refresh_token: token, ...rest } = tokens;
  writeTokenCookie(config, exchange, { name: NAME, token, maxAge: tokens.refresh_expires_in });
  return rest;
}
