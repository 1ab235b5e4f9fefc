/**
 * The keyring: the signing keys as this isolate knows them. Reads them once, makes the first one
 * without a race, and rotates. Keys live in isolate memory as values, never as promises: a promise
 * belongs to the request that made it, and hangs when that request is cancelled.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { type Clock, MINUTE, SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, utf8 } from "../platform/encoding.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { currentKey, isRotationDue, publishedKeys, type SigningKey } from "./signing-key.ts";
import {
  addSigningKey,
  deleteSigningKeys,
  readSigningKeys,
  type SigningKeyRow,
  selectKeyringVersion,
} from "./store.ts";

/** The keys that this isolate has read. */
interface KnownKeys {
  keys: SigningKey[];
  version: string;
  readAt: number;
}

export interface Keyring {
  /** Reads the keys unless this isolate knows them. To be called beside another round trip, not after it. */
  warm(): Promise<void>;
  /**
   * The key that signs now; made where there is none. `version` is what the directory said last: where
   * it differs from what this isolate knows, the keys are read again.
   */
  signingKey(version?: string): Promise<SigningKey & { signingKey: CryptoKey }>;
  /** The trusted key of this id, or `undefined`. An id never seen is looked up, unless the keys were read within the last second. */
  verifyingKey(id: string): Promise<SigningKey | undefined>;
  /** Whether the key is still trusted in that version of the directory. */
  isTrusted(id: string, version: string): Promise<boolean>;
  /** As {@link isTrusted}, where no other read has brought the version along. One round trip. */
  isStillTrusted(id: string): Promise<boolean>;
  /** Every key that a verifier may trust now. Where the directory does not answer, those known last. */
  published(): Promise<SigningKey[]>;
  /** Makes a successor where one is due, and deletes keys that verify nothing any more. */
  rotate(): Promise<void>;
}

/** For how long the JWKS may be served from memory. Well below the publish lead. */
const REREAD_AFTER = MINUTE;
/** How long after a reading an unknown id counts as unknown, so that forged tokens make little work. */
const LOOK_UP_PAUSE = SECOND;
const SEAL_PURPOSE = "signing-key";

/** What the isolate knows, by configuration. Values only. */
const known = new WeakMap<Config, KnownKeys>();

export function createKeyring(parts: {
  config: Config;
  db: Database;
  secrets: Secrets;
  clock: Clock;
  random: Random;
}): Keyring {
  const { config, db, secrets, clock, random } = parts;
  // A token signed at the last moment is accepted for its lifetime and the verifier's tolerance.
  const tokenLifetime = config.tokens.lifetime + config.tokens.clockTolerance + MINUTE;

  async function read(): Promise<KnownKeys> {
    const { rows, version } = await readSigningKeys(db);
    const before = known.get(config);
    const keys = await Promise.all(
      rows.map(
        async (row) =>
          reuse(
            before?.keys.find(({ id }) => id === row.id),
            row,
          ) ?? (await openKey(row, secrets)),
      ),
    );
    const now = { keys, version, readAt: clock.now() };
    known.set(config, now);
    return now;
  }

  async function knownOrRead(version?: string): Promise<KnownKeys> {
    const kept = known.get(config);
    return kept !== undefined && (version === undefined || kept.version === version) ? kept : read();
  }

  async function addKey(sequence: number, signsFrom: number): Promise<void> {
    const row = await createRow({ sequence, signsFrom, config, secrets, now: clock.now(), random });
    if (await addSigningKey(db, row)) writeLog("info", { event: "signing_key_created", key_id: row.id });
  }

  const nextSequence = (keys: readonly SigningKey[]) => Math.max(0, ...keys.map(({ sequence }) => sequence)) + 1;

  return {
    async warm() {
      await knownOrRead();
    },
    async signingKey(version) {
      const kept = currentKey((await knownOrRead(version)).keys, clock.now(), tokenLifetime);
      if (kept !== undefined) return kept;
      // None yet, or all revoked, or all sealed under a secret that is gone. Another isolate may have been faster.
      const { keys } = await read();
      const found = currentKey(keys, clock.now(), tokenLifetime);
      if (found !== undefined) return found;
      await addKey(nextSequence(keys), atOnce(clock.now()));
      const made = currentKey((await read()).keys, clock.now(), tokenLifetime);
      if (made === undefined) throw new Error("No signing key opens with this AUTH_SECRET.");
      return made;
    },
    async verifyingKey(id) {
      const find = ({ keys }: KnownKeys) =>
        publishedKeys(keys, clock.now(), tokenLifetime).find((key) => key.id === id);
      const kept = await knownOrRead();
      const found = find(kept);
      if (found !== undefined || clock.now() - kept.readAt < LOOK_UP_PAUSE) return found;
      return find(await read());
    },
    async isTrusted(id, version) {
      const { keys } = await knownOrRead(version);
      return publishedKeys(keys, clock.now(), tokenLifetime).some((key) => key.id === id);
    },
    async isStillTrusted(id) {
      const [keyring] = await selectKeyringVersion(db);
      return this.isTrusted(id, keyring?.version ?? "");
    },
    async published() {
      let current = known.get(config);
      if (current === undefined || clock.now() - current.readAt > REREAD_AFTER) {
        try {
          current = await read();
        } catch (error) {
          if (current === undefined) throw error;
        }
      }
      const keys = publishedKeys(current.keys, clock.now(), tokenLifetime);
      // A verifier that asks before the first login must not keep an empty set in its cache.
      return keys.length > 0 ? keys : [await this.signingKey()];
    },
    async rotate() {
      const { keys } = await read();
      const now = clock.now();
      if (isRotationDue(keys, now, config.tokens.algorithm)) {
        const signs = currentKey(keys, now, tokenLifetime);
        await addKey(nextSequence(keys), signs === undefined ? atOnce(now) : now + config.keys.publishLead);
      }
      const published = new Set(publishedKeys(keys, now, tokenLifetime).map(({ id }) => id));
      const spent = keys.filter((key) => !published.has(key.id) && (key.revokedAt ?? 0) + tokenLifetime < now);
      // The newest row stays whatever it is: a sequence number is never used twice.
      const deletable = spent.filter(({ sequence }) => sequence + 1 < nextSequence(keys)).map(({ id }) => id);
      if (deletable.length > 0) await deleteSigningKeys(db, deletable);
      await read();
    },
  };
}

/** When a key starts to sign that can't wait: a little ago, since isolates' clocks differ a little. */
function atOnce(now: number): number {
  return now - MINUTE;
}

/** Timestamps may have changed since; the key material of an id never does. */
function reuse(kept: SigningKey | undefined, row: SigningKeyRow): SigningKey | undefined {
  return kept === undefined ? undefined : { ...kept, ...timestampsOf(row) };
}

function timestampsOf({ createdAt, signsFrom, rotatesAt, revokedAt }: SigningKeyRow) {
  return { createdAt, signsFrom, rotatesAt, revokedAt };
}

async function openKey(row: SigningKeyRow, secrets: Secrets): Promise<SigningKey> {
  const publicJwk: JWK = JSON.parse(row.publicJwk);
  const sealed = decodeBase64url(row.sealedPrivateJwk);
  const opened = sealed && (await secrets.open(SEAL_PURPOSE, sealed, row.id));
  if (opened === undefined) writeLog("warn", { event: "signing_key_unreadable", key_id: row.id });
  return {
    sequence: row.sequence,
    id: row.id,
    algorithm: row.algorithm,
    publicJwk,
    verifyingKey: await importKey(publicJwk, row.algorithm),
    signingKey: opened && (await importKey(JSON.parse(new TextDecoder().decode(opened)), row.algorithm)),
    ...timestampsOf(row),
  };
}

async function importKey(jwk: JWK, algorithm: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new TypeError("A signing key is asymmetric.");
  return key;
}

async function createRow(parts: {
  sequence: number;
  signsFrom: number;
  config: Config;
  secrets: Secrets;
  now: number;
  random: Random;
}): Promise<SigningKeyRow> {
  const { sequence, signsFrom, config, secrets, now, random } = parts;
  const algorithm = config.tokens.algorithm;
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const id = await calculateJwkThumbprint(publicJwk);
  const privateJwk = utf8(JSON.stringify(await exportJWK(pair.privateKey)));
  return {
    sequence,
    id,
    algorithm,
    publicJwk: JSON.stringify(publicJwk),
    sealedPrivateJwk: encodeBase64url(await secrets.seal(SEAL_PURPOSE, privateJwk, id, random)),
    createdAt: now,
    signsFrom,
    rotatesAt: signsFrom + config.keys.signingPeriod,
    revokedAt: null,
  };
}
