import { COMMON_PASSWORDS } from "./common-passwords.data.ts";
import { fold } from "./context-words.ts";
import { decodeFingerprints, fingerprint } from "./fingerprint-set.ts";

let fingerprints: Set<number> | undefined;

/**
 * Whether a password, as a whole and ignoring case, is one of the most common. ASVS 5.0 6.2.4 asks for the top 3,000
 * that satisfy the length rule; the list has them for every minimum length from 8 to 15. About one in a million
 * passwords that are not on the list counts as common.
 */
export function isCommonPassword(password: string): boolean {
  // Decoded when the first password is checked, because most isolates never check one.
  fingerprints ??= decodeFingerprints(COMMON_PASSWORDS);
  return fingerprints.has(fingerprint(fold(password)));
}
