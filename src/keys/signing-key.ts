/**
 * Signing keys as values: what a key row means at a given time. The timestamps on the row decide whether the key is
 * published, signs or has retired, so no other state is stored.
 *
 * Publish, then sign: a new key is in the JWKS some time before it signs (the publish lead), so that every verifier has
 * cached it by then. It stays in the JWKS until the last token that it signed has expired.
 */

import type * as z from "zod";
import type { Config } from "../config/config.ts";
import type { PublicJwk, publishedJwk } from "./public-jwk.ts";

export type SigningAlgorithm = Config["tokens"]["algorithm"];

/** Times are milliseconds since the epoch. */
export interface SigningKey {
  sequence: number;
  /** The `kid`: the RFC 7638 thumbprint of the public key. */
  id: string;
  algorithm: SigningAlgorithm;
  publicJwk: PublicJwk;
  verifyingKey: CryptoKey;
  /** Absent if neither secret opens the sealed private key. */
  signingKey: CryptoKey | undefined;
  createdAt: number;
  signsFrom: number;
  rotatesAt: number;
  revokedAt: number | null;
}

/** A key whose private key is available, so that it can sign. */
export type CurrentKey = SigningKey & { signingKey: CryptoKey };

type Timestamps = Pick<SigningKey, "sequence" | "signsFrom" | "rotatesAt" | "revokedAt">;

/** The keys that verifiers may trust now: not revoked and not retired. */
export function publishedKeys<Key extends Timestamps>(keys: readonly Key[], now: number, tokenLifetime: number): Key[] {
  return keys.filter((key) => key.revokedAt === null && now < retiresAt(key, keys, tokenLifetime));
}

/**
 * The key that signs now: the newest key that verifiers trust, whose start time has passed, and whose private key could
 * be opened.
 */
export function currentKey(keys: readonly SigningKey[], now: number, tokenLifetime: number): CurrentKey | undefined {
  return publishedKeys(keys, now, tokenLifetime)
    .filter((key) => key.signsFrom <= now)
    .sort(newestFirst)
    .find(hasSigningKey);
}

/** The key with the latest start time, of the keys that are not revoked. */
export function newestKey<Key extends Timestamps>(keys: readonly Key[]): Key | undefined {
  return keys.filter((key) => key.revokedAt === null).toSorted(newestFirst)[0];
}

/** Whether a new key must be created: there is none, the newest is due, or the configuration has another algorithm. */
export function isRotationDue(
  keys: readonly Pick<SigningKey, "sequence" | "signsFrom" | "rotatesAt" | "revokedAt" | "algorithm">[],
  now: number,
  algorithm: SigningAlgorithm,
): boolean {
  const newest = newestKey(keys);
  return newest === undefined || newest.rotatesAt <= now || newest.algorithm !== algorithm;
}

/** For how many milliseconds the newest key has been due for a successor; 0 if it is not due. */
export function rotationOverdue(keys: readonly Timestamps[], now: number): number {
  const newest = newestKey(keys);
  return newest === undefined ? 0 : Math.max(0, now - newest.rotatesAt);
}

/**
 * What a key does now. `publishedUntil`: when verifiers stop or stopped trusting the key; `null` if not known yet.
 */
export interface KeyStatus extends Pick<SigningKey, "id" | "algorithm" | "createdAt" | "signsFrom" | "rotatesAt"> {
  state: "next" | "signing" | "published" | "revoked";
  publishedUntil: number | null;
}

/** What each key does now, newest first. Keys that have retired are left out. */
export function statusOfKeys(keys: readonly SigningKey[], now: number, tokenLifetime: number): KeyStatus[] {
  const signs = currentKey(keys, now, tokenLifetime);
  const published = new Set(publishedKeys(keys, now, tokenLifetime).map(({ id }) => id));
  return keys
    .filter(({ id, revokedAt }) => revokedAt !== null || published.has(id))
    .toSorted(newestFirst)
    .map((key) => {
      const { id, algorithm, createdAt, signsFrom, rotatesAt, revokedAt } = key;
      const endsAt = revokedAt ?? retiresAt(key, keys, tokenLifetime);
      const unrevoked = signsFrom > now ? "next" : id === signs?.id ? "signing" : "published";
      return {
        ...{ id, algorithm, createdAt, signsFrom, rotatesAt },
        state: revokedAt === null ? unrevoked : "revoked",
        publishedUntil: Number.isFinite(endsAt) ? endsAt : null,
      };
    });
}

/** The public keys as a JWK set (RFC 7517). */
export function presentJwks(keys: readonly SigningKey[]): { keys: z.output<typeof publishedJwk>[] } {
  return {
    keys: keys.map(({ publicJwk, id, algorithm }) => ({ ...publicJwk, kid: id, alg: algorithm, use: "sig" })),
  };
}

/** A key stops signing when its successor starts, and retires when its last token has expired. */
function retiresAt(key: Timestamps, keys: readonly Timestamps[], tokenLifetime: number): number {
  const successors = keys.filter((other) => other.revokedAt === null && newestFirst(other, key) < 0);
  return Math.min(...successors.map((successor) => successor.signsFrom)) + tokenLifetime;
}

function newestFirst(left: Timestamps, right: Timestamps): number {
  return right.signsFrom - left.signsFrom || right.sequence - left.sequence;
}

function hasSigningKey(key: SigningKey): key is CurrentKey {
  return key.signingKey !== undefined;
}
