/** The token of a trusted device in requests and responses. */
import type { Services } from "../../endpoint/services.ts";
import { openTrust, sealTrust, type Trust } from "../../factors/trusted-device-token.ts";
import type { Exchange } from "../../http/exchange.ts";
import { SECOND } from "../../platform/clock.ts";
import { clearTokenCookie, readTokenCookies, writeTokenCookie } from "./token-cookies.ts";

const NAME = "postern_trusted_device";

/**
 * The maximum number of cookies that one login decrypts. Another app on a parent domain may have set more cookies with
 * this name.
 */
const MOST_TRIED = 4;

/**
 * When the trust in a device ends if it begins now, in milliseconds since the epoch; `undefined` if trust is turned
 * off.
 */
export function endOfTrust({ clock, config }: Services): number | undefined {
  const lifetime = config.sessions.trustedDeviceLifetime;
  return lifetime === 0 ? undefined : clock.now() + lifetime;
}

/**
 * The content of the trusted-device tokens that a login sends, without those that are invalid or have expired. Reads
 * the cookie only in cookie mode, because only logins in cookie mode have a check of the origin.
 */
export async function readTrusts(
  services: Services,
  exchange: Exchange,
  { cookie, trusted_device_token: token }: { cookie?: boolean | undefined; trusted_device_token?: string | undefined },
): Promise<Trust[]> {
  if (services.config.sessions.trustedDeviceLifetime === 0) return [];
  const cookies = cookie ? readTokenCookies(services.config, exchange, NAME).slice(0, MOST_TRIED) : [];
  const tokens = token === undefined ? cookies : [token, ...cookies];
  const opened = await Promise.all(tokens.map((sent) => openTrust(sent, services)));
  return opened.filter((trust) => trust !== undefined);
}

/**
 * Clears the cookie of a device that this user no longer trusts, so that the next login doesn't send the cookie. The
 * cookie stays if it holds only tokens of other users of this browser.
 */
export function clearTrustOf(
  { config }: Services,
  exchange: Exchange,
  { id: userId }: { id: string },
  trusts: readonly Trust[],
): void {
  if (trusts.some((trust) => trust.userId === userId)) clearTokenCookie(config, exchange, NAME);
}

/** Hands the token to the client: in cookie mode as a cookie, otherwise in the body. Empty without `trust`. */
export async function handOutTrust(
  services: Services,
  exchange: Exchange,
  trust: Trust | undefined,
  inCookie: boolean,
): Promise<{ trusted_device_token?: string }> {
  if (trust === undefined) return {};
  const token = await sealTrust(trust, services);
  if (!inCookie) return { trusted_device_token: token };
  const maxAge = Math.floor((trust.expiresAt - services.clock.now()) / SECOND);
  writeTokenCookie(services.config, exchange, { name: NAME, token, maxAge });
  return {};
}
