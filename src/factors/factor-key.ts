/**
 * The key of a user's factors: 32 random bytes in the user's row in D1, sealed under `AUTH_SECRET`. The user's object
 * stores the secrets of the factors: sealed under this key, or as MACs (hashes that are keyed with this key). So
 * neither D1 nor the user's object alone reveals the secrets. After a change of `AUTH_SECRET`, only the keys in D1 must
 * be sealed again. After the row is deleted, nothing can open the secrets in the object.
 *
 * Format of a sealed key: the name of the secret that sealed it, a dot, and the sealed bytes in base64url.
 */
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../platform/encoding.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";

const SEAL_PURPOSE = "factor-key";
const KEY_BYTES = 32;

/** Creates and seals a key. The key can be opened only with the id of this user. */
export function createFactorKey(userId: string, secrets: Secrets, random: Random): Promise<string> {
  return seal(userId, random.bytes(KEY_BYTES), secrets, random);
}

/**
 * Opens a sealed key. Returns the key in base64url, which the user's object expects. Returns `undefined` if neither
 * `AUTH_SECRET` nor `AUTH_SECRET_PREVIOUS` opens it.
 */
export async function openFactorKey(userId: string, sealed: string, secrets: Secrets): Promise<string | undefined> {
  const key = await open(userId, sealed, secrets);
  return key && encodeBase64url(key);
}

/** Opens a key and seals it under the current secret. Returns `undefined` if the key can't be opened. */
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

/** Logs an error if neither secret opens the key, because the service then can't check any code of the user. */
async function open(userId: string, sealed: string, secrets: Secrets): Promise<Uint8Array | undefined> {
  const bytes = decodeBase64url(sealed.slice(sealed.indexOf(".") + 1));
  const opened = bytes && (await secrets.open(SEAL_PURPOSE, bytes, userId));
  if (opened === undefined) writeLog("error", { event: "factor_key_unreadable", user_id: userId });
  return opened?.plaintext;
}
