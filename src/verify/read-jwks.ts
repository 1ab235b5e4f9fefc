/** Reads a JWK set (RFC 7517), from its address or from an object. */
import { importJWK } from "jose";
import { ALGORITHMS, type VerifyingKey } from "./access-token.ts";
import { SECOND } from "./clock.ts";

/** The response of `GET /.well-known/jwks.json`. Keys of a type that Postern does not sign with are ignored. */
export interface JsonWebKeySet {
  keys: readonly { kid?: string; kty?: string; alg?: string; crv?: string; x?: string; y?: string; use?: string }[];
}

/** How the issuer is reached: a service binding to Postern, or the network. */
export interface Fetcher {
  fetch(
    address: string,
    init: { headers: Record<string, string>; redirect: "manual"; signal: AbortSignal },
  ): Promise<Response>;
}

export type Keys = ReadonlyMap<string, VerifyingKey>;

export interface Reading {
  keys: Keys;
  /** How long the set may be cached, according to the issuer. In milliseconds. */
  freshFor: number;
}

/** How long to wait for the issuer's response. */
export const READING_TIMEOUT = 3 * SECOND;
/** The cache lifetime if the issuer names none, and the bounds of the lifetime that it may name. In seconds. */
const USUAL_LIFETIME = 300;
const SHORTEST_LIFETIME = 60;
const LONGEST_LIFETIME = 3_600;

/** Fetches the keys from the issuer. Throws if the response is late, not a 200, or contains no usable key. */
export async function readJwks(address: string, fetcher: Fetcher): Promise<Reading> {
  const response = await fetcher.fetch(address, {
    headers: { Accept: "application/jwk-set+json, application/json" },
    // Never follow a redirect: its target could impersonate the issuer.
    redirect: "manual",
    signal: AbortSignal.timeout(READING_TIMEOUT),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${address} answered ${response.status}.`);
  }
  const keys = await importKeys(await response.json());
  if (keys.size === 0) throw new Error(`${address} has no usable key.`);
  return { keys, freshFor: lifetimeOf(response.headers) * SECOND };
}

/** The keys of a set, by id. A value that is not a set has no keys. */
export async function importKeys(set: unknown): Promise<Keys> {
  const entries = isObject(set) && Array.isArray(set.keys) ? set.keys : [];
  const keys = await Promise.all(entries.map(importKey));
  return new Map(keys.filter((key) => key !== undefined).map((key) => [key.id, key]));
}

async function importKey(jwk: unknown): Promise<VerifyingKey | undefined> {
  if (!isObject(jwk)) return undefined;
  const { kid, alg, kty, crv, x, y } = jwk;
  if (typeof kid !== "string" || typeof alg !== "string" || !ALGORITHMS.includes(alg)) return undefined;
  if (typeof kty !== "string" || typeof crv !== "string" || typeof x !== "string") return undefined;
  try {
    // Only these members are passed on. A set may contain more, for example private parts.
    const key = await importJWK({ kty, crv, x, ...(typeof y === "string" ? { y } : {}) }, alg);
    return key instanceof Uint8Array ? undefined : { id: kid, algorithm: alg, verifyingKey: key };
  } catch {
    // One broken key must not make the others unusable.
    return undefined;
  }
}

/** How long the response may still be cached: `max-age` minus `Age` (RFC 9111 §4.2), in seconds, within our bounds. */
function lifetimeOf(headers: Headers): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})/.exec(headers.get("Cache-Control") ?? "")?.[1] ?? USUAL_LIFETIME;
  const age = /^\d{1,9}$/.exec(headers.get("Age") ?? "")?.[0] ?? 0;
  return Math.min(LONGEST_LIFETIME, Math.max(SHORTEST_LIFETIME, Number(maxAge) - Number(age)));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
