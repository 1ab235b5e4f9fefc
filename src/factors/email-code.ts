/**
 * Codes by email, for the second step of a login. A code is derived from the login that waits for it and from the user's
 * factor key, so nothing is stored. It is good for this login alone, and is spent with it.
 */
import { constantTimeEqual, type Secrets } from "../platform/crypto.ts";
import { utf8 } from "../platform/encoding.ts";

const PURPOSE = "email-code";
const DIGITS = 8;

/** The code of a login that waits. `secrets` are those of the user's factor key. */
export function emailCode(loginId: string, secrets: Secrets): string {
  const tag = secrets.sign(PURPOSE, utf8(loginId));
  // Of 64 bits, all codes are equally likely to within 2^-37.
  const number = new DataView(tag.buffer, tag.byteOffset).getBigUint64(0) % 10n ** BigInt(DIGITS);
  return String(number).padStart(DIGITS, "0");
}

export function isEmailCode(typed: string, loginId: string, secrets: Secrets): boolean {
  return constantTimeEqual(utf8(typed), utf8(emailCode(loginId, secrets)));
}
