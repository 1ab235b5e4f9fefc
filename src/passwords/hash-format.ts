import type { Argon2 } from "../platform/argon2.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";

/** A parsed hash that can verify a password. */
export interface StoredHash {
  scheme: string;
  /** Whether the password matches. Computes synchronously: call it in the hashing lane. */
  verify(password: string, engines: Engines): boolean;
}

/** A hash that can't be verified here. The reason tells the operator why and what to do. */
export type Unreadable = Refusal<"unreadable_hash">;

export function unreadable(reason: string): Unreadable {
  return refuse("unreadable_hash", { reason });
}

/** The result of one scheme's reader; `undefined` if the text belongs to another scheme. */
export type Reading = StoredHash | Unreadable | undefined;

/** The cost of a hash: N = 2^ln, block size r, parallelization p. */
export interface ScryptCost {
  ln: number;
  r: number;
  p: number;
}

/** Computes `length` bytes from a password and a salt. */
export type ScryptEngine = (password: Uint8Array, salt: Uint8Array, cost: ScryptCost, length: number) => Uint8Array;

/** The hash functions that depend on the platform. */
interface Engines {
  scrypt: ScryptEngine;
  argon2: Argon2;
}

/** The end of a message about a hash that can't be repaired. */
export const IMPORT_WITHOUT_HASH =
  "Import this user without a hash: they can set a new password with “Forgot your password?”.";

/**
 * The forms of a typed password that may have been hashed, at most two: its NFC form, which this service hashes and
 * most keyboards produce, and the text as typed, which other services hash.
 */
export function spellings(password: string): string[] {
  const composed = password.normalize("NFC");
  return composed === password ? [password] : [composed, password];
}
