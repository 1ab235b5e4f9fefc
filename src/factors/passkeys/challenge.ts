/**
 * The challenges of passkeys (WebAuthn §13.4.3). The service stores only used challenges. A challenge is the base64url
 * encoding of
 *
 *   version (1 byte) · expiry (8, ms) · user id (16, zeros if no user is known) · random (32) · HMAC-SHA-256 (32)
 *
 * Each purpose has its own HMAC key.
 */
import { type Clock, MINUTE } from "../../platform/clock.ts";
import { type Secrets, sha256 } from "../../platform/crypto.ts";
import { concatBytes, decodeBase64url, encodeBase64url, formatUuid, parseUuid, utf8 } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";

export type ChallengePurpose = "register" | "login" | "second-factor";

export interface OpenedChallenge {
  text: string;
  /**
   * The user for whom the challenge was made. `undefined` for the purpose `login`, whose challenges are for any user.
   */
  userId: string | undefined;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /**
   * A digest of the challenge. The user's object stores the digest of a used challenge until the challenge expires, so
   * that the challenge works once.
   */
  id: string;
}

/** The time in which a user can choose a passkey, in milliseconds. WebAuthn §15.1 recommends 5 minutes or more. */
export const CHALLENGE_LIFETIME = 5 * MINUTE;

const VERSION = 1;
const USER_AT = 1 + 8;
const RANDOM_AT = USER_AT + 16;
const CONTENT_BYTES = RANDOM_AT + 32;
const CHALLENGE_BYTES = CONTENT_BYTES + 32;

const NO_USER = "00000000-0000-0000-0000-000000000000";

/** @throws {TypeError} if the user's id is not a UUID */
export function createChallenge(
  purpose: ChallengePurpose,
  userId: string | undefined,
  { secrets, clock, random }: { secrets: Secrets; clock: Clock; random: Random },
): string {
  const user = parseUuid(userId ?? NO_USER);
  if (user === undefined) throw new TypeError("A challenge needs the UUID of a user.");
  const expiry = new Uint8Array(8);
  new DataView(expiry.buffer).setBigUint64(0, BigInt(clock.now() + CHALLENGE_LIFETIME));
  const content = concatBytes(Uint8Array.of(VERSION), expiry, user, random.bytes(CONTENT_BYTES - RANDOM_AT));
  return encodeBase64url(concatBytes(content, secrets.sign(keyPurpose(purpose), content)));
}

/**
 * Returns the content of a challenge; `undefined` if the challenge has expired or was not made here for this purpose.
 * Uses no storage. The caller must check that the challenge is for the right user and was not used before.
 */
export function openChallenge(
  purpose: ChallengePurpose,
  text: string,
  { secrets, clock }: { secrets: Secrets; clock: Clock },
): OpenedChallenge | undefined {
  const bytes = decodeBase64url(text);
  if (bytes?.byteLength !== CHALLENGE_BYTES) return undefined;
  const content = bytes.subarray(0, CONTENT_BYTES);
  const tag = bytes.subarray(CONTENT_BYTES);
  if (content[0] !== VERSION || !secrets.verify(keyPurpose(purpose), content, tag)) return undefined;
  const expiresAt = Number(new DataView(content.buffer, content.byteOffset).getBigUint64(1));
  if (clock.now() >= expiresAt) return undefined;
  const userId = formatUuid(content.subarray(USER_AT, RANDOM_AT));
  return { text, userId: userId === NO_USER ? undefined : userId, expiresAt, id: encodeBase64url(sha256(utf8(text))) };
}

function keyPurpose(purpose: ChallengePurpose): string {
  return `passkey-challenge/${purpose}`;
}
