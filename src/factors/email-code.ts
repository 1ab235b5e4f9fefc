/**
 * Codes by email, for the second step of a login. Each code is derived from the id of the pending login and from the
 * user's factor key, so the service stores no codes. A code works only for that login. The login can succeed once, so
 * the code works once too.
 */
import { constantTimeEqual, type Secrets } from "../platform/crypto.ts";
import { utf8 } from "../platform/encoding.ts";

const PURPOSE = "email-code";
const DIGITS = 8;

/** The code for a pending login. `secrets` are made from the user's factor key. */
export function emailCode(loginId: string, secrets: Secrets): string {
  const tag = secrets.sign(PURPOSE, utf8(loginId));
  // The number has 64 bits, so all codes are almost equally likely: they differ by less than a factor of 1 + 2^-37.
  const number = new DataView(tag.buffer, tag.byteOffset).getBigUint64(0) % 10n ** BigInt(DIGITS);
  return String(number).padStart(DIGITS, "0");
}

export function isEmailCode(typed: string, loginId: string, secrets: Secrets): boolean {
  return constantTimeEqual(utf8(typed), utf8(emailCode(loginId, secrets)));
}
