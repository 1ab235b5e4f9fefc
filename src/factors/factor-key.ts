/**
 * The key of a user's factors: 32 random bytes in the user's row, sealed under `AUTH_SECRET`. The secrets of the factors
 * themselves are in the user's object, sealed or MACed under this key. So neither store alone reveals them. After a
 * change of `AUTH_SECRET` only the keys in D1 are sealed again, and deleting the row makes the rest unreadable.
 *
 * A sealed key is the name of the secret that sealed it, a dot, and the base64url encoding of the sealed bytes.
 */
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../platform/encoding.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";

const SEAL_PURPOSE = "factor-key";
const KEY_BYTES = 32;

/** A new key, sealed. It can only be opened in the row of this user. */
export function createFactorKey(userId: string, secrets: Secrets, random: Random): Promise<string> {
  return seal(userId, random.bytes(KEY_BYTES), secrets, random);
}

/** The key as the user's object takes it, base64url; `undefined` if neither secret opens it. */
export async function openFactorKey(userId: string, sealed: string, secrets: Secrets): Promise<string | undefined> {
  const key = await open(userId, sealed, secrets);
  return key && encodeBase64url(key);
}

/** The key, sealed under the current secret; `undefined` if neither secret opens it. */
export async function resealFactorKey(
  userId: string,
  sealed: string,
  secrets: Secrets,
  random: Random,
): Promise<string | undefined> {
  const key = await open(userId, sealed, secrets);
  return key && seal(userId, key, secrets, random);
}

async function seal(userId: string, key: Uint8Array, secrets: Secrets, random: Random): Promise<string> {
  return `${secrets.name}.${encodeBase64url(await secrets.seal(SEAL_PURPOSE, key, userId, random))}`;
}

/** Without the key, no code of the user can be checked, so that is logged. */
async function open(userId: string, sealed: string, secrets: Secrets): Promise<Uint8Array | undefined> {
  const bytes = decodeBase64url(sealed.slice(sealed.indexOf(".") + 1));
  const opened = bytes && (await secrets.open(SEAL_PURPOSE, bytes, userId));
  if (opened === undefined) writeLog("error", { event: "factor_key_unreadable", user_id: userId });
  return opened?.plaintext;
}
