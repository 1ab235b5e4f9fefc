import { COMMON_PASSWORDS } from "./common-passwords.data.ts";
import { decodeFingerprints, fingerprint } from "./fingerprint-set.ts";
import { fold } from "./fold.ts";

let fingerprints: Set<number> | undefined;

/**
 * Whether a password, as a whole and in any case, is among the most common (ASVS 5.0 6.2.4: the first 3,000 that the
 * rule of length lets through; ours are so for every least length from 8 to 15). About one password in a million
 * that is not on the list is taken for one that is.
 */
export function isCommonPassword(password: string): boolean {
  // Read when the first password is judged: most isolates never see one.
  fingerprints ??= decodeFingerprints(COMMON_PASSWORDS);
  return fingerprints.has(fingerprint(fold(password)));
}
