import type { Argon2 } from "../platform/argon2.ts";
import type { ScryptEngine } from "./scrypt.ts";

/** A hash that was read from its text and can be held against a password. */
export interface StoredHash {
  scheme: string;
  /** Whether the password is the one that was hashed. Computes synchronously: run it in the hashing lane. */
  verify(password: string, engines: Engines): boolean;
}

/** A text that is not verified here, and in words for the operator why, and what to do about it. */
export interface Unreadable {
  refused: string;
}

/** What each scheme's reader answers; `undefined` where the text is another scheme's. */
export type Reading = StoredHash | Unreadable | undefined;

/** What computes and isn't the same wherever this code runs. */
export interface Engines {
  scrypt: ScryptEngine;
  argon2: Argon2;
}

/** The end of a reason where no text can help. */
export const IMPORT_WITHOUT_HASH =
  "Import this user without a hash: they choose a new password through the link of “forgot password”.";

/**
 * The texts that may have been hashed when somebody typed this, at most two: its NFC form, which is what
 * this service hashes and most keyboards produce, and the text as typed, which is what others hash.
 */
export function spellings(password: string): string[] {
  const composed = password.normalize("NFC");
  return composed === password ? [password] : [composed, password];
}
