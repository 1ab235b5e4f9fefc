/** Public keys of passkeys: read from COSE (RFC 9052 §7, RFC 9053 §7), stored as JWK (RFC 7517), used by WebCrypto. */
import { decodeBase64url, encodeBase64url } from "../../platform/encoding.ts";
import type { CborMap, CborValue } from "./cbor.ts";

/**
 * The algorithms that the service offers and accepts, in order of preference: ES256, EdDSA with Ed25519, and RS256.
 * Almost every authenticator supports ES256. Some Windows devices support only RS256.
 */
export const PASSKEY_ALGORITHMS = [-7, -8, -257] as const;

type PasskeyAlgorithm = (typeof PASSKEY_ALGORITHMS)[number];

export interface PasskeyPublicKey {
  algorithm: PasskeyAlgorithm;
  publicKey: JsonWebKey;
}

/** Labels of COSE keys: RFC 9052 §7.1, RFC 9053 §7.1, RFC 8230 §4. */
const KEY_TYPE = 1;
const ALGORITHM = 3;
const CURVE = -1;
const X = -2;
const Y = -3;
const MODULUS = -1;
const EXPONENT = -2;

/** NIST SP 800-131A allows no RSA key of fewer than 2048 bits. Keys of more than 4096 bits would only cost time. */
const SHORTEST_MODULUS_BYTES = 256;
const LONGEST_MODULUS_BYTES = 512;

const WEB_CRYPTO = {
  [-7]: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  [-8]: { name: "Ed25519" },
  [-257]: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/**
 * Reads a key of an accepted algorithm, with the parameters that WebAuthn §5.8.5 requires. Returns `undefined` for any
 * other key.
 */
export function readPublicKey(cose: CborMap): PasskeyPublicKey | undefined {
  const algorithm = PASSKEY_ALGORITHMS.find((accepted) => accepted === cose.get(ALGORITHM));
  const publicKey = algorithm && READERS[algorithm](cose);
  return algorithm && publicKey && { algorithm, publicKey };
}

/** Reads the key of a JWK (RFC 7517), with the same checks as {@link readPublicKey}. Ignores other members. */
export function readJwk({ kty, crv, x, y, n, e }: Readonly<Record<string, unknown>>): PasskeyPublicKey | undefined {
  const part = (value: unknown) => (typeof value === "string" && decodeBase64url(value)) || null;
  if (kty === "EC" && crv === "P-256") return readPublicKey(coseOf([2, -7, 1, part(x), part(y)]));
  if (kty === "OKP" && crv === "Ed25519") return readPublicKey(coseOf([1, -8, 6, part(x)]));
  return kty === "RSA" ? readPublicKey(coseOf([3, -257, part(n), part(e)])) : undefined;
}

/** Makes a COSE key from its type, its algorithm and its parameters. */
function coseOf([type = null, algorithm = null, ...parameters]: CborValue[]): CborMap {
  const labelled = parameters.map((value, index): [CborValue, CborValue] => [-1 - index, value]);
  return new Map([[KEY_TYPE, type], [ALGORITHM, algorithm], ...labelled]);
}

/** Whether WebCrypto can use the key. WebCrypto refuses, for example, a point that is not on the curve. */
export async function isUsable(key: PasskeyPublicKey): Promise<boolean> {
  return (await importKey(key)) !== undefined;
}

/** Whether `signature` is an authenticator's signature of `data` (WebAuthn §6.5.5). */
export async function isSignedBy(key: PasskeyPublicKey, signature: Uint8Array, data: Uint8Array): Promise<boolean> {
  const raw = rawSignature(key.algorithm, signature);
  const imported = await importKey(key);
  if (raw === undefined || imported === undefined) return false;
  return crypto.subtle.verify(WEB_CRYPTO[key.algorithm], imported, raw, data);
}

async function importKey({ algorithm, publicKey }: PasskeyPublicKey): Promise<CryptoKey | undefined> {
  try {
    return await crypto.subtle.importKey("jwk", publicKey, WEB_CRYPTO[algorithm], false, ["verify"]);
  } catch {
    // This is not a valid key of the algorithm.
    return undefined;
  }
}

const READERS: Record<PasskeyAlgorithm, (cose: CborMap) => JsonWebKey | undefined> = {
  [-7](cose) {
    const x = bytesOf(cose.get(X), 32);
    // In a compressed point, y is a boolean. WebAuthn §5.8.5 forbids such points, so y must be bytes.
    const y = bytesOf(cose.get(Y), 32);
    const isP256 = cose.get(KEY_TYPE) === 2 && cose.get(CURVE) === 1;
    return isP256 && x && y ? { kty: "EC", crv: "P-256", x: encodeBase64url(x), y: encodeBase64url(y) } : undefined;
  },
  [-8](cose) {
    const x = bytesOf(cose.get(X), 32);
    const isEd25519 = cose.get(KEY_TYPE) === 1 && cose.get(CURVE) === 6;
    return isEd25519 && x ? { kty: "OKP", crv: "Ed25519", x: encodeBase64url(x) } : undefined;
  },
  [-257](cose) {
    const modulus = bytesOf(cose.get(MODULUS), SHORTEST_MODULUS_BYTES, LONGEST_MODULUS_BYTES);
    // An odd number between 2^16 and 2^32: FIPS 186-5 §A.1.1 sets the lower bound, and WebCrypto the upper one.
    const exponent = bytesOf(cose.get(EXPONENT), 3, 4);
    if (cose.get(KEY_TYPE) !== 3 || modulus === undefined || exponent === undefined) return undefined;
    const isLongEnough = modulus.byteLength > SHORTEST_MODULUS_BYTES ? modulus[0] !== 0 : isTopBitSet(modulus);
    if (!isLongEnough || exponent[0] === 0 || !isOdd(modulus) || !isOdd(exponent)) return undefined;
    return { kty: "RSA", n: encodeBase64url(modulus), e: encodeBase64url(exponent) };
  },
};

function bytesOf(value: CborValue | undefined, least: number, most = least): Uint8Array | undefined {
  return value instanceof Uint8Array && value.byteLength >= least && value.byteLength <= most ? value : undefined;
}

function isTopBitSet(number: Uint8Array): boolean {
  return (number[0] ?? 0) >= 0x80;
}

function isOdd(number: Uint8Array): boolean {
  return (number.at(-1) ?? 0) % 2 === 1;
}

/** The signature in the format that WebCrypto expects; `undefined` if it is malformed. */
function rawSignature(algorithm: PasskeyAlgorithm, signature: Uint8Array): Uint8Array | undefined {
  if (algorithm === -7) return rawEcdsaSignature(signature);
  // workerd throws if an Ed25519 signature does not have 64 bytes (RFC 8032 §5.1.6).
  return algorithm === -8 && signature.byteLength !== 64 ? undefined : signature;
}

/**
 * Converts an ECDSA signature to the format that WebCrypto expects: its two numbers, 32 bytes each. Authenticators
 * write a DER sequence of two integers (WebAuthn §6.5.5, RFC 3279 §2.2.3). Each signature has exactly one DER encoding.
 * Returns `undefined` for any other bytes.
 */
function rawEcdsaSignature(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== 0x30 || der[1] !== der.byteLength - 2) return undefined;
  const r = readDerInteger(der, 2);
  const s = r && readDerInteger(der, r.end);
  if (r === undefined || s?.end !== der.byteLength) return undefined;
  const raw = new Uint8Array(64);
  raw.set(r.digits, 32 - r.digits.byteLength);
  raw.set(s.digits, 64 - s.digits.byteLength);
  return raw;
}

/**
 * Reads a positive integer of at most 32 bytes. Accepts a leading zero byte only where DER requires it: if the first
 * bit of the number is set, because that bit would otherwise be read as a sign.
 */
function readDerInteger(der: Uint8Array, at: number) {
  const end = at + 2 + (der[at + 1] ?? 0);
  const content = der.subarray(at + 2, end);
  const isPadded = content[0] === 0;
  const digits = isPadded ? content.subarray(1) : content;
  const isWhole = der[at] === 0x02 && end <= der.byteLength;
  const isOneForm = isTopBitSet(digits) === isPadded && digits.byteLength > 0 && digits.byteLength <= 32;
  return isWhole && isOneForm ? { digits, end } : undefined;
}
