/** Reads a JWK set (RFC 7517), from its address or from what somebody passed in. */
import { importJWK } from "jose";
import { ALGORITHMS, type VerifyingKey } from "./access-token.ts";
import { SECOND } from "./clock.ts";

/** What `GET /.well-known/jwks.json` answers. Keys of a kind that Postern does not sign with are passed over. */
export interface JsonWebKeySet {
  keys: readonly { kid?: string; kty?: string; alg?: string; crv?: string; x?: string; y?: string; use?: string }[];
}

/** Whoever answers for the issuer: a service binding to Postern, or the network. */
export interface Fetcher {
  fetch(
    address: string,
    init: { headers: Record<string, string>; redirect: "manual"; signal: AbortSignal },
  ): Promise<Response>;
}

export type Keys = ReadonlyMap<string, VerifyingKey>;

export interface Reading {
  keys: Keys;
  /** For how long the issuer says that the set may be kept, in milliseconds. */
  freshFor: number;
}

/** How long the issuer has for its answer. */
export const READING_TIMEOUT = 3 * SECOND;
/** What an issuer that names no lifetime is taken to mean, and the bounds of what one may name. */
const USUAL_LIFETIME = 300;
const SHORTEST_LIFETIME = 60;
const LONGEST_LIFETIME = 3_600;

/** Asks the issuer. Throws where it does not answer in time, or with anything but a set that holds a usable key. */
export async function readJwks(address: string, fetcher: Fetcher): Promise<Reading> {
  const response = await fetcher.fetch(address, {
    headers: { Accept: "application/jwk-set+json, application/json" },
    // Whoever could lead us elsewhere would be the issuer.
    redirect: "manual",
    signal: AbortSignal.timeout(READING_TIMEOUT),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${address} answered ${response.status}.`);
  }
  const keys = await importKeys(await response.json());
  if (keys.size === 0) throw new Error(`${address} holds no key that could verify a token.`);
  return { keys, freshFor: lifetimeOf(response.headers) * SECOND };
}

/** The keys of a set, by their ids. What is no set has none. */
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
    // Member by member: of a set that holds more, a private part say, nothing else is taken.
    const key = await importJWK({ kty, crv, x, ...(typeof y === "string" ? { y } : {}) }, alg);
    return key instanceof Uint8Array ? undefined : { id: kid, algorithm: alg, verifyingKey: key };
  } catch {
    // A key that is broken must not take those beside it along.
    return undefined;
  }
}

/** What is left of `max-age` (RFC 9111 §4.2), in seconds, within our bounds. */
function lifetimeOf(headers: Headers): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})/.exec(headers.get("Cache-Control") ?? "")?.[1] ?? USUAL_LIFETIME;
  const age = /^\d{1,9}$/.exec(headers.get("Age") ?? "")?.[0] ?? 0;
  return Math.min(LONGEST_LIFETIME, Math.max(SHORTEST_LIFETIME, Number(maxAge) - Number(age)));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
