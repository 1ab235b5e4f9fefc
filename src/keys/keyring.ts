/**
 * The keyring: the signing keys as this isolate knows them. Reads them once, makes the first one
 * without a race, and rotates. Keys live in isolate memory as values, never as promises: a promise
 * belongs to the request that made it, and hangs when that request is cancelled.
 */
import type { AuditTrail } from "../audit/trail.ts";
import type { Config } from "../config/config.ts";
import type { Database } from "../db/client.ts";
import { type Clock, MINUTE, SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { createKeyRow, openKey, renewTimestamps } from "./sealed-key.ts";
import { type CurrentKey, currentKey, isRotationDue, publishedKeys, type SigningKey } from "./signing-key.ts";
import { addSigningKey, deleteSigningKeys, readSigningKeys, selectKeyringVersion } from "./signing-key-rows.ts";

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
  signingKey(version?: string): Promise<CurrentKey>;
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

/** What the isolate knows, by configuration. Values only. */
const known = new WeakMap<Config, KnownKeys>();

export function createKeyring(parts: {
  config: Config;
  db: Database;
  secrets: Secrets;
  audit: AuditTrail;
  clock: Clock;
  random: Random;
}): Keyring {
  const { config, db, secrets, audit, clock, random } = parts;
  // A token signed at the last moment is accepted for its lifetime and the verifier's tolerance.
  const tokenLifetime = config.tokens.lifetime + config.tokens.clockTolerance + MINUTE;

  async function read(): Promise<KnownKeys> {
    const { rows, version } = await readSigningKeys(db);
    const before = known.get(config);
    const keys = await Promise.all(
      rows.map(async (row) => {
        const kept = before?.keys.find(({ id }) => id === row.id);
        return kept === undefined ? openKey(row, secrets) : renewTimestamps(kept, row);
      }),
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
    const { algorithm } = config.tokens;
    const { signingPeriod } = config.keys;
    const row = await createKeyRow({
      sequence,
      algorithm,
      signsFrom,
      signingPeriod,
      secrets,
      now: clock.now(),
      random,
    });
    if (!(await addSigningKey(db, row))) return;
    writeLog("info", { event: "signing_key_created", key_id: row.id });
    audit.note("signing_key_created", { details: { key_id: row.id } });
  }

  async function signingKey(version?: string): Promise<CurrentKey> {
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
  }

  async function isTrusted(id: string, version: string): Promise<boolean> {
    const { keys } = await knownOrRead(version);
    return publishedKeys(keys, clock.now(), tokenLifetime).some((key) => key.id === id);
  }

  const nextSequence = (keys: readonly SigningKey[]) => Math.max(0, ...keys.map(({ sequence }) => sequence)) + 1;

  return {
    async warm() {
      await knownOrRead();
    },
    signingKey,
    async verifyingKey(id) {
      const find = ({ keys }: KnownKeys) =>
        publishedKeys(keys, clock.now(), tokenLifetime).find((key) => key.id === id);
      const kept = await knownOrRead();
      const found = find(kept);
      if (found !== undefined || clock.now() - kept.readAt < LOOK_UP_PAUSE) return found;
      return find(await read());
    },
    isTrusted,
    async isStillTrusted(id) {
      const [keyring] = await selectKeyringVersion(db);
      return isTrusted(id, keyring?.version ?? "");
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
      return keys.length > 0 ? keys : [await signingKey()];
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
