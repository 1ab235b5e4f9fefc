import { createHash, createHmac, timingSafeEqual as equalOfSameLength, hkdfSync } from "node:crypto";
import { concatBytes, utf8 } from "./encoding.ts";
import type { Random } from "./random.ts";

/** Bytes of an AES-GCM nonce: 96 bits, fresh from the generator each time (NIST SP 800-38D §8.2.2). */
const NONCE_BYTES = 12;

/**
 * The service's root secrets and what is derived from them. Every purpose has a key of its own
 * (HKDF-SHA-256, RFC 5869), so that no value sealed for one purpose passes for another. Everything
 * new is sealed under the current secret; what the previous one sealed is still accepted.
 */
export interface Secrets {
  /** HMAC-SHA-256 tag of `data`, 32 bytes, under the current secret. */
  sign(purpose: string, data: Uint8Array): Uint8Array;
  /** Whether `tag` is the tag of `data` under the current or the previous secret. Takes constant time. */
  verify(purpose: string, data: Uint8Array, tag: Uint8Array): boolean;
  /** AES-256-GCM: nonce, ciphertext and tag in one. `context` is authenticated, not stored. */
  seal(purpose: string, plaintext: Uint8Array, context: string, random: Random): Promise<Uint8Array>;
  /** What was sealed, or `undefined` where neither secret opens it in that context. */
  open(purpose: string, sealed: Uint8Array, context: string): Promise<Opened | undefined>;
}

export interface Opened {
  plaintext: Uint8Array<ArrayBuffer>;
  /** Whether the current secret opens it; otherwise the previous one does, and it is lost when that one goes. */
  isCurrent: boolean;
}

/** Builds the service's secrets from `AUTH_SECRET` and, during a rotation, `AUTH_SECRET_PREVIOUS`. */
export function createSecrets(current: string, previous?: string): Secrets {
  const newest = deriver(current);
  const accepted = previous === undefined ? [newest] : [newest, deriver(previous)];
  return {
    sign: (purpose, data) => hmac(newest(purpose), data),
    verify: (purpose, data, tag) => accepted.some((derive) => constantTimeEqual(hmac(derive(purpose), data), tag)),
    async seal(purpose, plaintext, context, random) {
      const nonce = random.bytes(NONCE_BYTES);
      const key = await aesKey(newest(purpose));
      const ciphertext = await crypto.subtle.encrypt(aesGcm(nonce, context), key, plaintext);
      return concatBytes(nonce, new Uint8Array(ciphertext));
    },
    async open(purpose, sealed, context) {
      const nonce = sealed.slice(0, NONCE_BYTES);
      for (const derive of accepted) {
        const key = await aesKey(derive(purpose));
        try {
          const opened = await crypto.subtle.decrypt(aesGcm(nonce, context), key, sealed.slice(NONCE_BYTES));
          return { plaintext: new Uint8Array(opened), isCurrent: derive === newest };
        } catch {
          // Not sealed under this secret, or not in this context; GCM does not tell which.
        }
      }
      return undefined;
    },
  };
}

/** Compares without telling, by the time it takes, where the difference is. */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && equalOfSameLength(left, right);
}

export function sha256(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}

/** For what others have named by it alone: SHA-1 protects nothing any more. */
export function sha1(data: Uint8Array): Uint8Array {
  return createHash("sha1").update(data).digest();
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}

/** Derived keys are kept: they are values, and deriving one costs more than using it. */
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
