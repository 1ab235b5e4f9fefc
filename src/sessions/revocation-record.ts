/**
 * A user's revocation record: the access tokens that other Workers must refuse. The user's object stores the record,
 * and whether KV has the newest version. So no change is lost if the write to KV fails, or if the object moves
 * before the write.
 *
 * In KV, the key is `revoked:<user id>`, and the value is
 * `{ "sessions": { "<session id>": <refused until, seconds> }, "role": "<role>" }`. An access token is refused if its
 * `sid` is listed, or if the record has a role and the token's `role` differs.
 */

import type { Delivery } from "../objects/deliveries.ts";
import { earliest, type Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { MINUTE, SECOND, toSeconds } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { inLogContext } from "../platform/log-context.ts";
import type { Meter } from "../platform/meter.ts";
import { systemRandom } from "../platform/random.ts";
import { doublingPause } from "../platform/retry.ts";
import { continueTrace } from "../platform/trace.ts";

/** `refusedUntil` is in milliseconds since the epoch. Every access token of the session has expired by then. */
type RevokedSession = { sessionId: string; refusedUntil: number };

/**
 * The user's new role, which access tokens must have. `version` is the user's `updatedAt` at the change of the role.
 * Tokens with the old role have expired by `refusedUntil`.
 */
type ChangedRole = { role: string; version: number; refusedUntil: number };

/** The shortest expiration that KV accepts, in seconds. */
const SHORTEST_TTL = 60;
/** KV accepts one write per second for a key. */
const INTERVAL = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;

const TABLE = "revoked";
const DEFINITION = "CREATE TABLE revoked (session_id TEXT PRIMARY KEY, refused_until INTEGER NOT NULL) WITHOUT ROWID";

const USER_ID = "user_id";
/** The number of changes that the record in KV does not have yet. */
const CHANGES = "changes_not_copied";
const COPIED_AT = "copied_at";
const FAILURES = "failures";
const CHANGED_ROLE = "changed_role";

export function revocationKey(userId: string): string {
  return `revoked:${userId}`;
}

/**
 * How long a revocation is kept, in milliseconds: until every access token of the session has expired, and a minute
 * longer for verifiers that tolerate clock skew.
 */
export function revocationLifetime(tokenLifetime: number): number {
  return tokenLifetime + MINUTE;
}

export interface RevocationBindings {
  REVOCATIONS: KVNamespace;
}

/** Times are milliseconds since the epoch. */
export class RevocationRecord implements Lapsing, Delivery<RevocationBindings> {
  readonly #tables: LazyTables;
  readonly #kept: SyncKvStorage;
  /**
   * The trace of the newest change that KV may not have yet. Kept only in memory, because storing the trace would write
   * another row at each logout. If the trace is lost, a log line has no trace id.
   */
  #cause: string | undefined;

  constructor(tables: LazyTables, kept: SyncKvStorage) {
    this.#tables = tables;
    this.#kept = kept;
  }

  get userId(): string {
    return this.#kept.get<string>(USER_ID) ?? "";
  }

  /**
   * Call this before a session is opened. Also creates the table of revocations, because an earlier release expects
   * this table in each object with sessions.
   */
  expectSession(userId: string): void {
    this.keepUserId(userId);
    this.#tables.create(TABLE, DEFINITION);
  }

  /** Stores the user id, because not every platform gives the object its name when an alarm fires. */
  keepUserId(userId: string): void {
    if (this.userId !== userId) this.#kept.put(USER_ID, userId);
  }

  /** Adds ended sessions to the record, which lists them until `refusedUntil`. */
  addSessions(ids: readonly string[], refusedUntil: number, cause: string | undefined): void {
    for (const id of ids) this.#tables.run(TABLE, "INSERT OR REPLACE INTO revoked VALUES (?, ?)", id, refusedUntil);
    this.#noteChange(cause);
  }

  /** Notes a role change. Calls can arrive in the wrong order, so a change with a lower `version` is ignored. */
  noteRole(changed: ChangedRole, cause: string | undefined): void {
    if (changed.version < (this.#role?.version ?? 0)) return;
    this.#kept.put(CHANGED_ROLE, changed);
    this.#noteChange(cause);
  }

  /** Whether the record in KV is missing a change. */
  get isLeft(): boolean {
    return this.#changes > 0;
  }

  /**
   * When to write the record: as soon as KV accepts another write or, after a failure, after a pause. Each further
   * failure doubles the pause.
   */
  dueAt(now: number): number {
    if (this.#failures > 0) return now + doublingPause(this.#failures, INTERVAL, LONGEST_RETRY);
    return Math.max(now, this.#acceptedAt);
  }

  dropLapsed(now: number): void {
    this.#tables.run(TABLE, "DELETE FROM revoked WHERE refused_until <= ?", now);
    if ((this.#role?.refusedUntil ?? now + 1) <= now) this.#kept.delete(CHANGED_ROLE);
  }

  nextLapse(): number | undefined {
    return earliest([this.#tables.earliest(TABLE, "refused_until"), this.#role?.refusedUntil]);
  }

  /** Writes the record to KV. Writes nothing if the alarm fired for another reason and KV accepts no write yet. */
  async deliver({ REVOCATIONS }: RevocationBindings, now: number): Promise<(meter: Meter) => void> {
    if (now < this.#acceptedAt) return () => {};
    const trace = continueTrace(this.#cause, systemRandom);
    const isWritten = await inLogContext({ trace }, () => this.#copyTo(REVOCATIONS, now));
    return (meter) => meter.count("revocation_copies", { result: isWritten ? "ok" : "failed" });
  }

  async #copyTo(kv: KVNamespace, now: number): Promise<boolean> {
    const changes = this.#changes;
    try {
      await this.#write(kv, now);
      // If the record changed while KV was writing, keep the counter, so that the record is written again.
      if (this.#changes === changes) this.#kept.delete(CHANGES);
      this.#kept.put(COPIED_AT, now);
      this.#kept.delete(FAILURES);
      return true;
    } catch (error) {
      const attempts = this.#failures + 1;
      this.#kept.put(FAILURES, attempts);
      const fields = { user_id: this.userId, attempts, error: describeError(error) };
      writeLog("error", { event: "revocation_not_copied", ...fields });
      return false;
    }
  }

  async #write(kv: KVNamespace, now: number): Promise<void> {
    const role = this.#role;
    const revoked = this.#tables.run<RevokedSession>(
      TABLE,
      "SELECT session_id AS sessionId, refused_until AS refusedUntil FROM revoked",
    );
    const ends = [...revoked, ...(role === undefined ? [] : [role])].map(({ refusedUntil }) => refusedUntil);
    if (ends.length === 0) return;
    const sessions = Object.fromEntries(
      revoked.map(({ sessionId, refusedUntil }) => [sessionId, toSeconds(refusedUntil + SECOND - 1)]),
    );
    await kv.put(revocationKey(this.userId), JSON.stringify({ sessions, role: role?.role }), {
      expirationTtl: Math.max(SHORTEST_TTL, Math.ceil((Math.max(...ends) - now) / SECOND)),
    });
  }

  #noteChange(cause: string | undefined): void {
    this.#cause = cause;
    this.#kept.put(CHANGES, this.#changes + 1);
  }

  get #role(): ChangedRole | undefined {
    return this.#kept.get(CHANGED_ROLE);
  }

  /** When KV accepts another write. */
  get #acceptedAt(): number {
    return (this.#kept.get<number>(COPIED_AT) ?? 0) + INTERVAL;
  }

  get #changes(): number {
    return this.#kept.get<number>(CHANGES) ?? 0;
  }

  get #failures(): number {
    return this.#kept.get<number>(FAILURES) ?? 0;
  }
}
