/**
 * The keyring: the signing keys, cached per isolate. Reads the keys, creates the first key without a race, and rotates
 * them. The cache holds values, never promises. A promise belongs to the request that created it: if that request is
 * cancelled, other requests that wait for the promise hang.
 */
import type { AuditTrail } from "../audit/trail.ts";
import type { Config } from "../config/config.ts";
import type { Database } from "../db/client.ts";
import { type Clock, MINUTE, SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { createKeyRow, openKey, openPrivateJwk, renewTimestamps, sealPrivateJwk } from "./sealed-key.ts";
import {
  type CurrentKey,
  currentKey,
  isRotationDue,
  type KeyStatus,
  newestKey,
  publishedKeys,
  rotationOverdue,
  type SigningKey,
  statusOfKeys,
} from "./signing-key.ts";
import {
  addSigningKey,
  deleteSigningKeys,
  makeKeyDue,
  readSealedKeys,
  readSigningKeys,
  replaceSeal,
  revokeKeys,
  selectKeyringVersion,
} from "./signing-key-rows.ts";

/** The keys that this isolate has read. */
interface KnownKeys {
  keys: SigningKey[];
  version: string;
  readAt: number;
}

export type Keyring = ReturnType<typeof createKeyring>;

/** How long an isolate may serve the JWKS from memory. Much shorter than `KEY_PUBLISH_LEAD_MINUTES`. */
const REREAD_AFTER = MINUTE;
/** For this long after a read, an unknown key id causes no further read, so that forged tokens cause little work. */
const LOOK_UP_PAUSE = SECOND;

/** The cache of this isolate, by configuration. */
const known = new WeakMap<Config, KnownKeys>();

export function createKeyring(parts: {
  config: Config;
  db: Database;
  secrets: Secrets;
  audit: AuditTrail;
  clock: Clock;
  random: Random;
}) {
  const { config, db, secrets, audit, clock, random } = parts;
  // How long verifiers may still accept the tokens of a key that no longer signs: the lifetime of a token plus the
  // verifier's clock tolerance, with a minute to spare.
  const tokenLifetime = config.tokens.lifetime + config.tokens.clockTolerance + MINUTE;

  // The absolute value, because the clock can be set back: an earlier read must not count as fresh for longer than
  // usual.
  const timeSince = (time: number) => Math.abs(clock.now() - time);

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
    const event = audit.eventOf("signing_key_created", { details: { key_id: row.id } });
    if (await addSigningKey(db, row, event)) writeLog("info", { event: "signing_key_created", key_id: row.id });
  }

  /**
   * Returns the key that signs now, and creates one if there is none. `version` is the version of the keys in D1 that
   * the caller has just read. If this isolate has another version in memory, it reads the keys again.
   */
  async function signingKey(version?: string): Promise<CurrentKey> {
    const kept = currentKey((await knownOrRead(version)).keys, clock.now(), tokenLifetime);
    if (kept !== undefined) return kept;
    // This isolate knows no key that can sign: there is no key yet, or every key is revoked or sealed under a lost
    // secret. Another isolate may have created a key in the meantime.
    const { keys } = await read();
    const found = currentKey(keys, clock.now(), tokenLifetime);
    if (found !== undefined) return found;
    await addKey(nextSequence(keys), atOnce(clock.now()));
    const made = currentKey((await read()).keys, clock.now(), tokenLifetime);
    if (made === undefined) throw new Error("AUTH_SECRET opens none of the signing keys.");
    return made;
  }

  /** Whether the key is still trusted in this version of the keys in D1. */
  async function isTrusted(id: string, version: string): Promise<boolean> {
    const { keys } = await knownOrRead(version);
    return publishedKeys(keys, clock.now(), tokenLifetime).some((key) => key.id === id);
  }

  /** Creates a successor if the newest key needs one, and deletes keys that no longer verify any token. */
  async function rotate(): Promise<void> {
    const { keys } = await read();
    const now = clock.now();
    if (isRotationDue(keys, now, config.tokens.algorithm)) {
      const signs = currentKey(keys, now, tokenLifetime);
      await addKey(nextSequence(keys), signs === undefined ? atOnce(now) : now + config.keys.publishLead);
    }
    const published = new Set(publishedKeys(keys, now, tokenLifetime).map(({ id }) => id));
    const spent = keys.filter((key) => !published.has(key.id) && (key.revokedAt ?? 0) + tokenLifetime < now);
    // The newest row is never deleted, so that its sequence number is not reused.
    const deletable = spent.filter(({ sequence }) => sequence + 1 < nextSequence(keys)).map(({ id }) => id);
    if (deletable.length > 0) await deleteSigningKeys(db, deletable);
    await read();
  }

  const nextSequence = (keys: readonly SigningKey[]) => Math.max(0, ...keys.map(({ sequence }) => sequence)) + 1;

  return {
    /** Reads the keys unless this isolate has them. Call it in parallel with another round trip. */
    async warm() {
      await knownOrRead();
    },
    signingKey,
    /**
     * The trusted key with this id, or `undefined`. If this isolate does not know the id, it reads the keys again,
     * unless it did so within the last second.
     */
    async verifyingKey(id: string) {
      const find = ({ keys }: KnownKeys) =>
        publishedKeys(keys, clock.now(), tokenLifetime).find((key) => key.id === id);
      const kept = await knownOrRead();
      const found = find(kept);
      if (found !== undefined || timeSince(kept.readAt) < LOOK_UP_PAUSE) return found;
      return find(await read());
    },
    isTrusted,
    /**
     * Like `isTrusted`, for callers that have not read the version of the keys. Reads the version in one round trip.
     */
    async isStillTrusted(id: string) {
      const [keyring] = await selectKeyringVersion(db);
      return isTrusted(id, keyring?.version ?? "");
    },
    /** Every key that a verifier may trust now. If D1 does not answer, returns the keys that this isolate last read. */
    async published() {
      let current = known.get(config);
      if (current === undefined || timeSince(current.readAt) > REREAD_AFTER) {
        try {
          current = await read();
        } catch (error) {
          if (current === undefined) throw error;
        }
      }
      const keys = publishedKeys(current.keys, clock.now(), tokenLifetime);
      // A verifier that asks before the first login must not cache an empty set.
      return keys.length > 0 ? keys : [await signingKey()];
    },
    /**
     * For monitoring, in milliseconds. `ages`: the age of the oldest published key in each state. `overdue`: for how
     * long the newest key has been due for a successor. One round trip.
     */
    async ages() {
      const { keys } = await read();
      const now = clock.now();
      const signs = currentKey(keys, now, tokenLifetime);
      const ages: Partial<Record<"next" | "signing" | "retiring", number>> = {};
      for (const key of publishedKeys(keys, now, tokenLifetime)) {
        const state = key.signsFrom > now ? "next" : key.id === signs?.id ? "signing" : "retiring";
        ages[state] = Math.max(ages[state] ?? 0, now - key.createdAt);
      }
      return { ages, overdue: rotationOverdue(keys, now) };
    },
    /** What each key does now, newest first. Takes one round trip. */
    async statuses(): Promise<KeyStatus[]> {
      return statusOfKeys((await read()).keys, clock.now(), tokenLifetime);
    },
    rotate,
    /**
     * Rotates the keys for an operator. If `isEmergency`, revokes every key and creates a key that signs at once. If
     * not, publishes a successor of the key that signs, unless a successor is already published.
     */
    async rotateEarly(actorId: string, isEmergency: boolean): Promise<void> {
      if (isEmergency) {
        await revokeKeys(db, undefined, audit.eventOf("signing_keys_revoked", { actorId }));
      } else {
        const newest = newestKey((await read()).keys);
        // Changes nothing if the newest key is a successor that does not sign yet.
        if (newest !== undefined) await makeKeyDue(db, newest.id, audit.eventOf("signing_keys_rotated", { actorId }));
      }
      await rotate();
    },
    /**
     * Seals keys under the current secret if only the previous secret opens them, so that the operator can remove the
     * previous secret. The key itself does not change: it keeps its id and its times, and its tokens stay valid. Skips
     * a key that neither secret opens.
     */
    async reseal() {
      for (const row of await readSealedKeys(db)) {
        const opened = await openPrivateJwk(row, secrets);
        if (opened === undefined || opened.isCurrent) continue;
        const sealed = await sealPrivateJwk(row.id, opened.plaintext, secrets, random);
        const event = audit.eventOf("signing_key_resealed", { details: { key_id: row.id } });
        // If nothing was replaced, another isolate has resealed or deleted the key, and nothing is left to do.
        const isReplaced = await replaceSeal(db, row, sealed, event);
        if (isReplaced) writeLog("info", { event: "signing_key_resealed", key_id: row.id });
      }
    },
  };
}

/** The start time of a key that must sign at once. Slightly in the past, because the clocks of isolates differ. */
function atOnce(now: number): number {
  return now - MINUTE;
}
