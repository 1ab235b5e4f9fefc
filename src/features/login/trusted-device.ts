/** The token of a trusted device, as a login sends it and as a second factor hands it out. */
import type { Services } from "../../endpoint/services.ts";
import { openTrust, sealTrust, type Trust } from "../../factors/trusted-device-token.ts";
import type { Exchange } from "../../http/exchange.ts";
import { SECOND } from "../../platform/clock.ts";
import { clearTokenCookie, readTokenCookies, writeTokenCookie } from "./token-cookies.ts";

const NAME = "postern_trusted_device";

/** Each one costs a decryption. Another app on a parent domain may have set some of them. */
const MOST_TRIED = 4;

/** Until when a device is trusted from now on, in milliseconds since the epoch; `undefined` if the operator allows none. */
export function endOfTrust({ clock, config }: Services): number | undefined {
  const lifetime = config.sessions.trustedDeviceLifetime;
  return lifetime === 0 ? undefined : clock.now() + lifetime;
}

/**
 * What the tokens of trusted devices say that a login sends. Without what is not one, or has expired. The cookie is read
 * only in cookie mode, where the origin was checked.
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
 * Clears the cookie of a device that this user trusts no more, so that the next login doesn't send it. The token of
 * another user, who shares the browser, stays.
 */
export function clearTrustOf(
  { config }: Services,
  exchange: Exchange,
  { id: userId }: { id: string },
  trusts: readonly Trust[],
): void {
  if (trusts.some((trust) => trust.userId === userId)) clearTokenCookie(config, exchange, NAME);
}

/** The token as the client gets it: in cookie mode it is only in the cookie. Empty without `trust`. */
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
