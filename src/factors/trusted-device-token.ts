/**
 * The token of a trusted device: `ptd_` followed by the base64url encoding of a JSON text that is sealed with
 * AES-256-GCM. The service does not store the token. The user's object stores the ids of the trusted devices. The other
 * fields let a Worker reject some tokens without a call to the object: tokens of another user, of an earlier session
 * epoch, or past their expiry.
 */
import * as z from "zod";
import type { Clock } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, parseJson, utf8 } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

const trust = z.object({
  /** The id of the trusted device. */
  id: z.uuid(),
  userId: z.uuid(),
  /** The user's session epoch when the device was trusted. */
  epoch: z.int(),
  /** Milliseconds since the epoch. */
  expiresAt: z.int(),
});

export type Trust = z.output<typeof trust>;

export const trustedDeviceToken = z
  .string()
  .min(1)
  .max(1_024, "The token of a trusted device has at most 1,024 characters.")
  .meta({ examples: ["ptd_kUx3…"] });

/** Identifies a leaked token as ours. */
const PREFIX = "ptd_";
const PURPOSE = "trusted-device";

export async function sealTrust(content: Trust, { random, secrets }: { random: Random; secrets: Secrets }) {
  return PREFIX + encodeBase64url(await secrets.seal(PURPOSE, utf8(JSON.stringify(content)), "", random));
}

/** The content, or `undefined` if this service did not make the token, or if it has expired. Uses no storage. */
export async function openTrust(
  token: string,
  { clock, secrets }: { clock: Clock; secrets: Secrets },
): Promise<Trust | undefined> {
  const sealed = token.startsWith(PREFIX) ? decodeBase64url(token.slice(PREFIX.length)) : undefined;
  const opened = sealed && (await secrets.open(PURPOSE, sealed, ""));
  const { data } = trust.safeParse(opened && parseJson(new TextDecoder().decode(opened.plaintext)));
  return data !== undefined && clock.now() < data.expiresAt ? data : undefined;
}
