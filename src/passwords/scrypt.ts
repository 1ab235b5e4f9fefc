/**
 * Password hashes: scrypt (RFC 7914) in PHC strings, `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`.
 *
 * The runtime's native scrypt does the work; `@noble/hashes` does where that is missing. Both compute
 * synchronously, so that one isolate works at one hash at a time.
 */

import * as nodeCrypto from "node:crypto";
import { scrypt as portableScrypt } from "@noble/hashes/scrypt.js";
import { constantTimeEqual } from "../platform/crypto.ts";
import { decodeBase64, encodeBase64, utf8 } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

/** What a hash costs: N = 2^ln, block size r, parallelization p. */
export interface ScryptCost {
  ln: number;
  r: number;
  p: number;
}

/** Computes `length` bytes from a password and a salt. */
export type ScryptEngine = (password: Uint8Array, salt: Uint8Array, cost: ScryptCost, length: number) => Uint8Array;

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** N·r·p at most: what the platform computes (workerd) and what a stored hash may ask for. */
const MAX_WORK = 2 ** 20;

const PHC = /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

export const nativeEngine: ScryptEngine = (password, salt, { ln, r, p }, length) =>
  nodeCrypto.scryptSync(password, salt, length, { N: 2 ** ln, r, p, maxmem: 128 * r * (2 ** ln + p + 2) });

export const portableEngine: ScryptEngine = (password, salt, { ln, r, p }, length) =>
  portableScrypt(password, salt, { N: 2 ** ln, r, p, dkLen: length });

/** The native engine where the platform has one. */
export function chooseEngine(platform: { scryptSync?: unknown } = nodeCrypto): ScryptEngine {
  return typeof platform.scryptSync === "function" ? nativeEngine : portableEngine;
}

/**
 * The text that is hashed: NFC, and nothing else is changed (NIST SP 800-63B-4 §3.1.1.2), so that one
 * password typed on two keyboards is one password.
 */
function normalise(password: string): Uint8Array {
  return utf8(password.normalize("NFC"));
}

/** Hashes a password into a PHC string with a fresh salt. */
export function hashPassword(password: string, cost: ScryptCost, random: Random, engine: ScryptEngine): string {
  const salt = random.bytes(SALT_BYTES);
  const hash = engine(normalise(password), salt, cost, HASH_BYTES);
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${encodeBase64(salt)}$${encodeBase64(hash)}`;
}

/** Whether the password is the one that was hashed. A text that is no hash of ours never matches. */
export function verifyPassword(password: string, stored: string, engine: ScryptEngine): boolean {
  const parsed = parsePhc(stored);
  if (parsed === undefined) return false;
  const { cost, salt, hash } = parsed;
  return constantTimeEqual(engine(normalise(password), salt, cost, hash.byteLength), hash);
}

/** A hash that nothing matches and that costs as much to check as a real one, for users who do not exist. */
export function decoyHash(cost: ScryptCost): string {
  const salt = encodeBase64(new Uint8Array(SALT_BYTES));
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${salt}$${encodeBase64(new Uint8Array(HASH_BYTES))}`;
}

/** Whether a stored hash was made at another cost than the configured one, so that it is due for a new one. */
export function needsRehash(stored: string, cost: ScryptCost): boolean {
  return !stored.startsWith(`$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$`);
}

/** Whether checking this text takes work at all: a corrupt or excessive one is refused unread. */
export function isReadableHash(stored: string): boolean {
  return parsePhc(stored) !== undefined;
}

function parsePhc(stored: string) {
  const match = PHC.exec(stored);
  if (match === null) return undefined;
  const [, ln = "", r = "", p = "", saltText = "", hashText = ""] = match;
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  const salt = decodeBase64(saltText);
  const hash = decodeBase64(hashText);
  if (salt === undefined || hash === undefined) return undefined;
  // A row in the database must not choose how long this isolate works (OWASP ASVS 5.0 §11.2.4).
  if (2 ** cost.ln * cost.r * cost.p > MAX_WORK) return undefined;
  return { cost, salt, hash };
}
