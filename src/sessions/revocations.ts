/**
 * Revocations in KV: one record per user. Only that user's UserSessions object writes it; other Workers read it. It
 * expires on its own once every token that it covers has expired.
 *
 * Key `revoked:<user id>`, value `{ "sessions": { "<session id>": <refused until, seconds> }, "role": "<role>" }`. An
 * access token is refused if its `sid` is listed, or if the record has a role and the token's `role` differs.
 */
import { MINUTE, SECOND, toSeconds } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";

/** `refusedUntil` is in milliseconds since the epoch. Every access token of the session has expired by then. */
export type RevokedSession = { sessionId: string; refusedUntil: number };

/** The role that access tokens must have since it changed. Tokens with the old role have expired by `refusedUntil`. */
type ChangedRole = { role: string; refusedUntil: number };

/** KV's minimum, in seconds. */
const SHORTEST_TTL = 60;
/** KV accepts one write per second for a key. */
const INTERVAL = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;
/** The number of changes that the record in KV does not have yet. */
const CHANGES = "changes_not_copied";
const COPIED_AT = "copied_at";
const FAILURES = "failures";
/** The role that access tokens must have, and the version of the user that set it. */
const CHANGED_ROLE = "changed_role";

/**
 * How long a revocation is kept, in milliseconds: until every access token of the session has expired, and a minute
 * longer for verifiers that tolerate clock skew.
 */
export function revocationLifetime(tokenLifetime: number): number {
  return tokenLifetime + MINUTE;
}

export function revocationKey(userId: string): string {
  return `revoked:${userId}`;
}

/**
 * What this Worker needs of the records. It checks sessions by asking the objects, so it only tests that KV answers.
 */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(kv: KVNamespace, hops: Hops) {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}

/**
 * The changes that a user's record in KV does not have yet, and the code that writes them. They are stored in the
 * user's object, so that nothing is lost if a write fails or the object is moved in between. Times are milliseconds
 * since the epoch.
 */
export class RevocationCopy {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  /** Whether the record in KV is missing a change. */
  get isBehind(): boolean {
    return this.#changes > 0;
  }

  /** When to write the record. After a failure the pause doubles; otherwise as soon as KV accepts another write. */
  dueAt(now: number): number {
    if (this.#failures > 0) return now + doublingPause(this.#failures, INTERVAL, LONGEST_RETRY);
    return Math.max(now, (this.#kept.get<number>(COPIED_AT) ?? 0) + INTERVAL);
  }

  /** Notes that the record in KV is out of date. */
  noteChange(): void {
    this.#kept.put(CHANGES, this.#changes + 1);
  }

  /** Notes a role change. Calls can arrive in the wrong order, so a change with a lower `version` is ignored. */
  noteRole(changed: ChangedRole & { version: number }): void {
    if (changed.version < (this.#role?.version ?? 0)) return;
    this.#kept.put(CHANGED_ROLE, changed);
    this.noteChange();
  }

  /** When the changed role can be removed from the record. `undefined` if the record has none. */
  get roleUntil(): number | undefined {
    return this.#role?.refusedUntil;
  }

  dropLapsed(now: number): void {
    if ((this.roleUntil ?? now + 1) <= now) this.#kept.delete(CHANGED_ROLE);
  }

  /** Writes the record. Never throws: if KV fails, the copy stays behind. Returns whether it was written. */
  async write(kv: KVNamespace, userId: string, revoked: RevokedSession[], now: number): Promise<boolean> {
    const changes = this.#changes;
    try {
      await writeRevocations(kv, userId, revoked, this.#role, now);
      // A session may have ended while KV was writing. Then the counter stays, and the record is written again.
      if (this.#changes === changes) this.#kept.delete(CHANGES);
      this.#kept.put(COPIED_AT, now);
      this.#kept.delete(FAILURES);
      return true;
    } catch (error) {
      const attempts = this.#failures + 1;
      this.#kept.put(FAILURES, attempts);
      const fields = { user_id: userId, attempts, error: describeError(error) };
      writeLog("error", { event: "revocation_not_copied", ...fields });
      return false;
    }
  }

  get #role(): (ChangedRole & { version: number }) | undefined {
    return this.#kept.get(CHANGED_ROLE);
  }

  get #changes(): number {
    return this.#kept.get<number>(CHANGES) ?? 0;
  }

  get #failures(): number {
    return this.#kept.get<number>(FAILURES) ?? 0;
  }
}

/** Writes the whole record. Throws the errors of KV. */
async function writeRevocations(
  kv: KVNamespace,
  userId: string,
  revoked: RevokedSession[],
  changed: ChangedRole | undefined,
  now: number,
): Promise<void> {
  const ends = [...revoked, ...(changed === undefined ? [] : [changed])].map(({ refusedUntil }) => refusedUntil);
  if (ends.length === 0) return;
  const last = Math.max(...ends);
  const sessions = Object.fromEntries(
    revoked.map(({ sessionId, refusedUntil }) => [sessionId, toSeconds(refusedUntil + SECOND - 1)]),
  );
  await kv.put(revocationKey(userId), JSON.stringify({ sessions, role: changed?.role }), {
    expirationTtl: Math.max(SHORTEST_TTL, Math.ceil((last - now) / SECOND)),
  });
}
