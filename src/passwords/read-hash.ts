/**
 * Reads the formats of `users.password_hash`. This service writes only scrypt. The other formats are those of imported
 * users. The first login checks such a hash and replaces it.
 */
import { readArgon2 } from "./foreign/argon2.ts";
import { readBcrypt } from "./foreign/bcrypt.ts";
import { readBetterAuth } from "./foreign/better-auth.ts";
import { readPbkdf2 } from "./foreign/pbkdf2.ts";
import { IMPORT_WITHOUT_HASH, type ScryptCost, type StoredHash, type Unreadable, unreadable } from "./hash-format.ts";
import { readScrypt } from "./scrypt.ts";

/** In characters. The longest format, Argon2 with the longest salt and hash, has 220 if both are padded. */
const MAX_CHARACTERS = 256;

const READERS = [readScrypt, readBcrypt, readPbkdf2, readBetterAuth, readArgon2];

/**
 * Parses a stored hash of any format. Computes nothing and never throws. `ownCost` is the cost at which this service
 * hashes.
 */
export function readStoredHash(text: string, ownCost?: ScryptCost): StoredHash | Unreadable {
  if (text.length > MAX_CHARACTERS) return unreadable(`The hash is longer than ${MAX_CHARACTERS} characters.`);
  if (text.trim() !== text) return unreadable("Remove the white space before or after the hash.");
  for (const read of READERS) {
    const reading = read(text, ownCost);
    if (reading !== undefined) return reading;
  }
  return unreadable(
    `The format of the hash is not supported. Supported: scrypt, bcrypt, PBKDF2, Argon2 and better-auth. ${IMPORT_WITHOUT_HASH}`,
  );
}
