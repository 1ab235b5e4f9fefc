import { createHash, createHmac, timingSafeEqual as equalOfSameLength, hkdfSync } from "node:crypto";
import { concatBytes, encodeBase64url, utf8 } from "./encoding.ts";
import type { Random } from "./random.ts";

/** Length of an AES-GCM nonce in bytes: 96 bits, newly generated each time (NIST SP 800-38D §8.2.2). */
const NONCE_BYTES = 12;

/**
 * Root secrets and the keys that are derived from them. Each purpose has its own key (HKDF-SHA-256, RFC 5869). So a
 * value that was signed or sealed for one purpose is not valid for another. New values use the current secret. Values
 * that use the previous secret are still accepted.
 */
export type Secrets = ReturnType<typeof createSecrets>;

export interface Opened {
  plaintext: Uint8Array<ArrayBuffer>;
  /**
   * Whether the current secret opened the value. If only the previous secret opens it, the value becomes unreadable
   * when the previous secret is removed.
   */
  isCurrent: boolean;
}

/** Creates secrets: from `AUTH_SECRET` and, during a rotation, `AUTH_SECRET_PREVIOUS`, or from a user's factor key. */
export function createSecrets(current: string, previous?: string) {
  const newest = deriver(current);
  const accepted = previous === undefined ? [newest] : [newest, deriver(previous)];
  return {
    /** A short name of the current secret, which reveals nothing about it. */
    get name() {
      return encodeBase64url(hmac(newest("name"), new Uint8Array()).subarray(0, 6));
    },
    /** HMAC-SHA-256 tag of `data`, 32 bytes, under the current secret. */
    sign: (purpose: string, data: Uint8Array) => hmac(newest(purpose), data),
    /** The valid tags of `data`: under the current secret and, if there is one, under the previous secret. */
    tags: (purpose: string, data: Uint8Array) => accepted.map((derive) => hmac(derive(purpose), data)),
    /** Whether `tag` is the tag of `data` under the current or the previous secret. Takes constant time. */
    verify: (purpose: string, data: Uint8Array, tag: Uint8Array) =>
      accepted.some((derive) => constantTimeEqual(hmac(derive(purpose), data), tag)),
    /** AES-256-GCM: returns nonce, ciphertext and tag as one value. `context` is authenticated but not stored. */
    async seal(purpose: string, plaintext: Uint8Array, context: string, random: Random) {
      const nonce = random.bytes(NONCE_BYTES);
      const key = await aesKey(newest(purpose));
      const ciphertext = await crypto.subtle.encrypt(aesGcm(nonce, context), key, plaintext);
      return concatBytes(nonce, new Uint8Array(ciphertext));
    },
    /** Opens a sealed value. Returns `undefined` if neither secret opens the value in this context. */
    async open(purpose: string, sealed: Uint8Array, context: string) {
      const nonce = sealed.slice(0, NONCE_BYTES);
      for (const derive of accepted) {
        const key = await aesKey(derive(purpose));
        try {
          const opened = await crypto.subtle.decrypt(aesGcm(nonce, context), key, sealed.slice(NONCE_BYTES));
          return { plaintext: new Uint8Array(opened), isCurrent: derive === newest };
        } catch {
          // The value was sealed under another secret or in another context. AES-GCM does not show which.
        }
      }
      return undefined;
    },
  };
}

/** Compares in a time that does not depend on where the values differ. */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && equalOfSameLength(left, right);
}

export function sha256(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}

/** Only for external formats that require SHA-1. It is not secure. */
export function sha1(data: Uint8Array): Uint8Array {
  return createHash("sha1").update(data).digest();
}

/** HMAC-SHA-1, for one-time passwords (RFC 4226), which stay secure although SHA-1 has collisions. */
export function hmacSha1(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac("sha1", key).update(data).digest();
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}

/** Derives keys and caches them, because deriving a key costs more than using it. */
function deriver(secret: string): (purpose: string) => Uint8Array<ArrayBuffer> {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  return (purpose) => {
    const kept = keys.get(purpose);
    if (kept !== undefined) return kept;
    const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), utf8(`postern/v1/${purpose}`), 32));
    keys.set(purpose, key);
    return key;
  };
}

function aesKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function aesGcm(nonce: Uint8Array, context: string): SubtleCryptoEncryptAlgorithm {
  return { name: "AES-GCM", iv: nonce, additionalData: utf8(context) };
}
