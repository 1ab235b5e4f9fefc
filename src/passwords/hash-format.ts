import type { Argon2 } from "../platform/argon2.ts";
import { decodeBase64 } from "../platform/encoding.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";

/** A parsed hash that can verify a password. */
export interface StoredHash {
  scheme: string;
  /** Whether the password matches. Blocks the isolate, so call this in the queue of `hashing-lane.ts`. */
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
 * The forms of a typed password that another service may have hashed: as typed, or in one of the normalization forms
 * (Unicode UAX #15). Keyboards and services differ, and the hash does not say which form it has. Most passwords are the
 * same in every form. A password with accents has two different forms, and no password has more than five. NFC comes
 * first, because most keyboards produce it.
 */
export function spellings(password: string): string[] {
  const forms = ["NFC", "NFD", "NFKC", "NFKD"].map((form) => password.normalize(form));
  return [...new Set([...forms, password])];
}

/**
 * Decodes base64 in a hash. Some services pad it with `=`, others don't. Returns `undefined` if the text was cut off or
 * is not base64.
 */
export function decodePadded(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/={1,2}$/, "");
  const isWhole = digits === text || text.length % 4 === 0;
  return isWhole ? decodeBase64(digits) : undefined;
}
