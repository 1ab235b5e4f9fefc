/** Converts a signing key to and from its row in D1, which stores the private key sealed (encrypted). */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Opened, Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, utf8 } from "../platform/encoding.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { publicJwk } from "./public-jwk.ts";
import type { SigningAlgorithm, SigningKey } from "./signing-key.ts";
import type { SealedKey, SigningKeyRow } from "./signing-key-rows.ts";

const SEAL_PURPOSE = "signing-key";

/** Updates the timestamps of a key in memory from its row. The other values of a key never change. */
export function renewTimestamps(kept: SigningKey, row: SigningKeyRow): SigningKey {
  return { ...kept, ...timestampsOf(row) };
}

function timestampsOf({ createdAt, signsFrom, rotatesAt, revokedAt }: SigningKeyRow) {
  return { createdAt, signsFrom, rotatesAt, revokedAt };
}

/** Opens a key. If neither the current nor the previous secret opens it, warns and returns a key that only verifies. */
export async function openKey(row: SigningKeyRow, secrets: Secrets): Promise<SigningKey> {
  const publicKey = publicJwk.parse(JSON.parse(row.publicJwk));
  const opened = await openPrivateJwk(row, secrets);
  if (opened === undefined) writeLog("warn", { event: "signing_key_unreadable", key_id: row.id });
  return {
    sequence: row.sequence,
    id: row.id,
    algorithm: row.algorithm,
    publicJwk: publicKey,
    verifyingKey: await importKey(publicKey, row.algorithm),
    signingKey: opened && (await importKey(JSON.parse(new TextDecoder().decode(opened.plaintext)), row.algorithm)),
    ...timestampsOf(row),
  };
}

/** The private key as JSON, or `undefined` if neither secret opens it with this row's id. */
export async function openPrivateJwk(row: SealedKey, secrets: Secrets): Promise<Opened | undefined> {
  const sealed = decodeBase64url(row.sealedPrivateJwk);
  return sealed && secrets.open(SEAL_PURPOSE, sealed, row.id);
}

/** Seals a private key under the current secret. The sealed key can only be opened with the same `id`. */
export async function sealPrivateJwk(
  id: string,
  privateJwk: Uint8Array,
  secrets: Secrets,
  random: Random,
): Promise<string> {
  return encodeBase64url(await secrets.seal(SEAL_PURPOSE, privateJwk, id, random));
}

async function importKey(jwk: JWK, algorithm: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new TypeError("A signing key must be asymmetric.");
  return key;
}

/**
 * Creates a key pair and seals its private key. The key signs from `signsFrom` on, and is due for a successor one
 * signing period later.
 */
export async function createKeyRow(parts: {
  sequence: number;
  algorithm: SigningAlgorithm;
  signsFrom: number;
  signingPeriod: number;
  secrets: Secrets;
  now: number;
  random: Random;
}): Promise<SigningKeyRow> {
  const { sequence, algorithm, signsFrom, signingPeriod, secrets, now, random } = parts;
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const publicKey = await exportJWK(pair.publicKey);
  const id = await calculateJwkThumbprint(publicKey);
  const privateJwk = utf8(JSON.stringify(await exportJWK(pair.privateKey)));
  return {
    sequence,
    id,
    algorithm,
    publicJwk: JSON.stringify(publicKey),
    sealedPrivateJwk: await sealPrivateJwk(id, privateJwk, secrets, random),
    createdAt: now,
    signsFrom,
    rotatesAt: signsFrom + signingPeriod,
    revokedAt: null,
  };
}
