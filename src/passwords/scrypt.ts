/**
 * Password hashes: scrypt (RFC 7914) in PHC strings, `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. The cost is set in
 * `config/settings/scrypt-cost-and-hash-lane.ts`.
 *
 * Uses the runtime's native scrypt, or `@noble/hashes` if the runtime has none. Both compute synchronously, so an
 * isolate computes one hash at a time.
 */

import * as nodeCrypto from "node:crypto";
import { scrypt as portableScrypt } from "@noble/hashes/scrypt.js";
import { constantTimeEqual } from "../platform/crypto.ts";
import { encodeBase64, utf8 } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";
import { HASH_BOUNDS } from "./hash-bounds.ts";
import {
  decodePadded,
  IMPORT_WITHOUT_HASH,
  type ScryptCost,
  type ScryptEngine,
  type StoredHash,
  spellings,
  type Unreadable,
  unreadable,
} from "./hash-format.ts";

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * A salt of 8 to 64 bytes, and a hash of exactly 32 or 64 bytes. If other lengths were allowed, a hash that was cut off
 * would still verify.
 */
const PHC =
  /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86}={0,2})\$([A-Za-z0-9+/]{43}=?|[A-Za-z0-9+/]{86}(?:==)?)$/;

export const nativeEngine: ScryptEngine = (password, salt, { ln, r, p }, length) =>
  nodeCrypto.scryptSync(password, salt, length, { N: 2 ** ln, r, p, maxmem: 128 * r * (2 ** ln + p + 2) });

export const portableEngine: ScryptEngine = (password, salt, { ln, r, p }, length) =>
  portableScrypt(password, salt, { N: 2 ** ln, r, p, dkLen: length });

/** The native engine if the platform has one, otherwise the portable one. */
export function chooseEngine(platform: { scryptSync?: unknown } = nodeCrypto): ScryptEngine {
  return typeof platform.scryptSync === "function" ? nativeEngine : portableEngine;
}

/**
 * Hashes a password with a new salt and returns a PHC string. Two keyboards can encode the same character differently,
 * so the password is first normalized to NFC (NIST SP 800-63B-4 §3.1.1.2). Nothing else in it is changed.
 */
export function hashPassword(password: string, cost: ScryptCost, random: Random, engine: ScryptEngine): string {
  const salt = random.bytes(SALT_BYTES);
  const hash = engine(utf8(password.normalize("NFC")), salt, cost, HASH_BYTES);
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${encodeBase64(salt)}$${encodeBase64(hash)}`;
}

/**
 * Parses a PHC string of scrypt, from this service or from another library that uses the same format, such as passlib.
 *
 * A hash without padding at this service's cost (`ownCost`) is this service's own, so it was made from the NFC form of
 * the password. Only that form is tried: with more forms, a wrong password with accents would cost two hashes at every
 * login.
 *
 * Any other hash may have been made from any form of the password. It is replaced at the first login.
 */
export function readScrypt(text: string, ownCost?: ScryptCost): StoredHash | Unreadable | undefined {
  if (!text.startsWith("$scrypt$")) return undefined;
  const [, ln, r, p, saltText = "", hashText = ""] = PHC.exec(text) ?? [];
  const salt = decodePadded(saltText);
  const hash = decodePadded(hashText);
  if (ln === undefined || salt === undefined || hash === undefined) {
    return unreadable("A scrypt hash has the form $scrypt$ln=…,r=…,p=…$salt$hash: this one was truncated or changed.");
  }
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  // The engine throws unless N is below 2^(128·r/8) (RFC 7914 §2).
  if (cost.ln >= 16 * cost.r)
    return unreadable(`scrypt needs ln below 16·r: ln=${ln}, r=${r} is not a valid scrypt hash.`);
  if (2 ** cost.ln * cost.r * cost.p > HASH_BOUNDS.scrypt.maxWork) {
    return unreadable(
      `scrypt with ln=${ln}, r=${r}, p=${p}: Workers compute 2^ln·r·p up to 2^20. ${IMPORT_WITHOUT_HASH}`,
    );
  }
  return storedHash(cost, salt, hash, ownCost !== undefined && needsRehash(text, ownCost) ? spellings : composed);
}

/** A hash that no password matches and that costs as much to check as a real one, for users who do not exist. */
export function decoyHash(cost: ScryptCost): StoredHash {
  return storedHash(cost, new Uint8Array(SALT_BYTES), new Uint8Array(HASH_BYTES));
}

/** Whether a stored hash should be replaced, because it was imported or its cost is not the configured one. */
export function needsRehash(stored: string, cost: ScryptCost): boolean {
  return stored.endsWith("=") || !stored.startsWith(`$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$`);
}

/**
 * The form in which an imported hash is stored. An imported scrypt hash at the configured cost looks like a hash of
 * this service, but may have been made from another form than NFC. So `=` padding marks an imported hash: this service
 * writes no padding, and base64 of 32 or 64 bytes always has room for some.
 */
export function asImported(text: string): string {
  if (!text.startsWith("$scrypt$")) return text;
  const digits = text.length - text.lastIndexOf("$") - 1;
  return text.padEnd(text.length + ((4 - (digits % 4)) % 4), "=");
}

const composed = (password: string) => [password.normalize("NFC")];

function storedHash(cost: ScryptCost, salt: Uint8Array, hash: Uint8Array, forms = composed): StoredHash {
  return {
    scheme: "scrypt",
    verify: (password, { scrypt }) =>
      forms(password).some((text) => constantTimeEqual(scrypt(utf8(text), salt, cost, hash.byteLength), hash)),
  };
}
