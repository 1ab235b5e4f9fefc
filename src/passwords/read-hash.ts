/**
 * The forms of `users.password_hash`. This service writes one of them, scrypt's; the others came with
 * users who were imported, are verified at the first login, and are replaced there.
 */
import { readArgon2 } from "./foreign/argon2.ts";
import { readBcrypt } from "./foreign/bcrypt.ts";
import { readBetterAuth } from "./foreign/better-auth.ts";
import { readPbkdf2 } from "./foreign/pbkdf2.ts";
import { IMPORT_WITHOUT_HASH, type StoredHash, type Unreadable } from "./hash-format.ts";
import { readScrypt } from "./scrypt.ts";

/** Characters at most: the longest form, Argon2 with the longest salt and hash, has 216. */
const MAX_CHARACTERS = 256;

const READERS = [readScrypt, readBcrypt, readPbkdf2, readBetterAuth, readArgon2];

/** Reads a stored hash of any form. Computes nothing, and never throws. */
export function readStoredHash(text: string): StoredHash | Unreadable {
  if (text.length > MAX_CHARACTERS) return { refused: `The hash is longer than ${MAX_CHARACTERS} characters.` };
  if (text.trim() !== text) return { refused: "There is white space before or after the hash: take it off." };
  for (const read of READERS) {
    const reading = read(text);
    if (reading !== undefined) return reading;
  }
  return {
    refused: `The hash has no form that is known here (scrypt, bcrypt, PBKDF2, Argon2, better-auth). ${IMPORT_WITHOUT_HASH}`,
  };
}
