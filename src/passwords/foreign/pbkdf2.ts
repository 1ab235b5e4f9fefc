import { pbkdf2Sync } from "node:crypto";
import { constantTimeEqual } from "../../platform/crypto.ts";
import { decodeBase64, utf8 } from "../../platform/encoding.ts";
import { HASH_BOUNDS, isWithin } from "../hash-bounds.ts";
import { decodePadded, IMPORT_WITHOUT_HASH, type Reading, spellings, unreadable } from "../hash-format.ts";

/** Django: the salt is used as text, without decoding. The hash is padded base64; both digests need exactly one `=`. */
const DJANGO = /^pbkdf2_(sha1|sha256)\$([1-9]\d{0,9})\$([\w-]+)\$([A-Za-z0-9+/]+)=$/;
/** passlib: salt and hash are base64 with `.` instead of `+`. passlib adds no padding. No digest name means SHA-1. */
const PASSLIB = /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$([1-9]\d{0,9})\$([A-Za-z0-9./]+={0,2})\$([A-Za-z0-9./]+={0,2})$/;

const DIGEST_BYTES: Record<string, number> = { sha1: 20, sha256: 32, sha512: 64 };

/** PBKDF2 (RFC 8018) hashes as written by Django and passlib: `pbkdf2_sha256$…` and `$pbkdf2-sha256$…`. */
export function readPbkdf2(text: string): Reading {
  if (!/^\$?pbkdf2[$_-]/.test(text)) return undefined;
  const parsed = parseDjango(text) ?? parsePasslib(text);
  if (parsed === undefined) {
    return unreadable(
      "A PBKDF2 hash must have the form that Django (pbkdf2_sha256$…) or passlib ($pbkdf2-sha256$…) writes.",
    );
  }
  const { digest, iterations, salt, hash } = parsed;
  const { minIterations, maxIterations } = HASH_BOUNDS.pbkdf2;
  if (iterations > maxIterations) {
    return unreadable(
      `PBKDF2 with ${iterations} iterations: Cloudflare Workers compute at most ${maxIterations}. ${IMPORT_WITHOUT_HASH}`,
    );
  }
  if (iterations < minIterations) {
    return unreadable(`PBKDF2 with fewer than ${minIterations} iterations is too weak. ${IMPORT_WITHOUT_HASH}`);
  }
  if (salt === undefined || !isWithin(salt.byteLength, HASH_BOUNDS.salt)) {
    return unreadable(`The salt of a PBKDF2 hash has ${HASH_BOUNDS.salt.min} to ${HASH_BOUNDS.salt.max} bytes.`);
  }
  if (hash === undefined || hash.byteLength !== DIGEST_BYTES[digest]) {
    return unreadable(
      `PBKDF2 with ${digest} has a hash of ${DIGEST_BYTES[digest]} bytes: this one was truncated or changed.`,
    );
  }
  const derive = (password: string) => pbkdf2Sync(utf8(password), salt, iterations, hash.byteLength, digest);
  return {
    scheme: `pbkdf2-${digest}`,
    verify: (password) => spellings(password).some((text) => constantTimeEqual(derive(text), hash)),
  };
}

function parseDjango(text: string) {
  const match = DJANGO.exec(text);
  if (match === null) return undefined;
  const [, digest = "", iterations, salt = "", hash = ""] = match;
  return { digest, iterations: Number(iterations), salt: utf8(salt), hash: decodeBase64(hash) };
}

function parsePasslib(text: string) {
  const match = PASSLIB.exec(text);
  if (match === null) return undefined;
  const [, digest = "sha1", iterations, salt = "", hash = ""] = match;
  const decode = (adapted: string) => decodePadded(adapted.replaceAll(".", "+"));
  return { digest, iterations: Number(iterations), salt: decode(salt), hash: decode(hash) };
}
