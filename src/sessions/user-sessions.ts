/**
 * The UserSessions object: one per user, owning that user's sessions and the word on which of them
 * have ended. One turn at a time, so rotation and revocation never race.
 *
 * It alone writes the user's revocation record in KV, by its alarm, which comes back until the record
 * is there. It knows neither tokens nor configuration: numbers arrive with the calls.
 */
import { DurableObject } from "cloudflare:workers";
import { SECOND, systemClock } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { type RevokedSession, writeRevocations } from "./revocations.ts";

/** Where a session is used from, as its owner sees it in the list. */
export interface SessionOrigin {
  deviceName: string | null;
  userAgent: string | null;
  ipAddress: string | null;
}

/** Times are milliseconds since the epoch. */
export interface Session extends SessionOrigin {
  id: string;
  createdAt: number;
  lastUsedAt: number;
  expiresAt: number;
}

export type Rotation =
  | { outcome: "rotated"; generation: number; expiresAt: number }
  | { outcome: "reused" }
  | { outcome: "ended" };

/** Whose call it is to end sessions: a session by its access token, or by a refresh token's generation. */
export interface SessionProof {
  sessionId: string;
  generation?: number;
}

type SessionRow = {
  id: string;
  generation: number;
  rotated_at: number;
  created_at: number;
  last_used_at: number;
  expires_at: number;
  device_name: string | null;
  user_agent: string | null;
  ip_address: string | null;
};

/** KV takes one write a second for a key. */
const COPY_INTERVAL = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;
const NOT_COPIED = "not_copied";
const COPIED_AT = "copied_at";
const FAILURES = "failures";
const USER_ID = "user_id";

export class UserSessions extends DurableObject<{ REVOCATIONS: KVNamespace }> {
  constructor(ctx: DurableObjectState, env: { REVOCATIONS: KVNamespace }) {
    super(ctx, env);
    this.#createTables();
  }

  /** Opens a session. The first refresh token has generation 1. */
  async create(userId: string, id: string, origin: SessionOrigin, lifetime: number): Promise<Session> {
    const now = systemClock.now();
    // Kept, since an alarm is not told the name of its object on every platform.
    if (this.#userId !== userId) this.ctx.storage.kv.put(USER_ID, userId);
    const session = { id, ...origin, createdAt: now, lastUsedAt: now, expiresAt: now + lifetime };
    this.ctx.storage.sql.exec(
      `INSERT INTO sessions (id, generation, rotated_at, created_at, last_used_at, expires_at, device_name, user_agent, ip_address)
       VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      now,
      now,
      now,
      session.expiresAt,
      origin.deviceName,
      origin.userAgent,
      origin.ipAddress,
    );
    await this.#armFor(session.expiresAt);
    return session;
  }

  /**
   * Spends one generation for the next. Within the grace the previous generation gets the same
   * successor again; anything older means theft, and the session ends (RFC 9700 §4.14.2).
   */
  async rotate(proof: Required<SessionProof>, grace: number, refuseFor: number): Promise<Rotation> {
    const now = systemClock.now();
    const session = this.#find(proof.sessionId, now);
    if (session === undefined || proof.generation > session.generation) return { outcome: "ended" };
    if (proof.generation === session.generation) {
      const generation = session.generation + 1;
      this.ctx.storage.sql.exec(
        "UPDATE sessions SET generation = ?, rotated_at = ?, last_used_at = ? WHERE id = ?",
        generation,
        now,
        now,
        session.id,
      );
      return { outcome: "rotated", generation, expiresAt: session.expires_at };
    }
    if (isInGrace(session, proof.generation, grace, now)) {
      return { outcome: "rotated", generation: session.generation, expiresAt: session.expires_at };
    }
    await this.#endSessions([session.id], now + refuseFor);
    return { outcome: "reused" };
  }

  /** Whether the session exists and has not ended. */
  async isLive(sessionId: string): Promise<boolean> {
    return this.#find(sessionId, systemClock.now()) !== undefined;
  }

  /** The live sessions, last used first. */
  async list(): Promise<Session[]> {
    return this.ctx.storage.sql
      .exec<SessionRow>("SELECT * FROM sessions WHERE expires_at > ? ORDER BY last_used_at DESC", systemClock.now())
      .toArray()
      .map((row) => ({
        id: row.id,
        createdAt: row.created_at,
        lastUsedAt: row.last_used_at,
        expiresAt: row.expires_at,
        deviceName: row.device_name,
        userAgent: row.user_agent,
        ipAddress: row.ip_address,
      }));
  }

  /**
   * Ends a session; one that has ended already stays so. From now on it is refused here, and for
   * `refuseFor`, as long as an access token of it can still be alive, the record in KV says so.
   */
  async end(sessionId: string, refuseFor: number): Promise<void> {
    const now = systemClock.now();
    if (this.#find(sessionId, now) !== undefined) await this.#endSessions([sessionId], now + refuseFor);
  }

  /**
   * Ends every session on the word of one of them. `false`, and nothing changes, where that one has
   * itself ended: a dead token ends nobody's sessions. A superseded refresh token ends its own alone.
   */
  async endAllBy(proof: SessionProof, grace: number, refuseFor: number): Promise<boolean> {
    const now = systemClock.now();
    const session = this.#find(proof.sessionId, now);
    if (session === undefined) return false;
    const { generation = session.generation } = proof;
    if (generation !== session.generation && !isInGrace(session, generation, grace, now)) {
      await this.#endSessions([session.id], now + refuseFor);
      return false;
    }
    const ids = this.ctx.storage.sql.exec<{ id: string }>("SELECT id FROM sessions").toArray();
    await this.#endSessions(
      ids.map(({ id }) => id),
      now + refuseFor,
    );
    return true;
  }

  /** Drops what has expired, copies revocations to KV, and comes back when there is more to do. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    this.ctx.storage.sql.exec("DELETE FROM sessions WHERE expires_at <= ?", now);
    this.ctx.storage.sql.exec("DELETE FROM revoked WHERE refused_until <= ?", now);
    if (this.ctx.storage.kv.get<boolean>(NOT_COPIED)) await this.#copyRevocations(now);

    const next = this.#nextTask(now);
    if (next !== undefined) {
      await this.ctx.storage.setAlarm(next);
    } else {
      await this.ctx.storage.deleteAll();
      this.#createTables();
    }
  }

  async #copyRevocations(now: number): Promise<void> {
    const revoked = this.ctx.storage.sql
      .exec<RevokedSession>("SELECT session_id AS sessionId, refused_until AS refusedUntil FROM revoked")
      .toArray();
    // Cleared first: a session that ends while KV answers asks for another copy.
    this.ctx.storage.kv.delete(NOT_COPIED);
    try {
      await writeRevocations(this.env.REVOCATIONS, this.#userId, revoked, now);
      this.ctx.storage.kv.put(COPIED_AT, now);
      this.ctx.storage.kv.delete(FAILURES);
    } catch (error) {
      this.ctx.storage.kv.put(NOT_COPIED, true);
      const failures = (this.ctx.storage.kv.get<number>(FAILURES) ?? 0) + 1;
      this.ctx.storage.kv.put(FAILURES, failures);
      writeLog("error", {
        event: "revocation_not_copied",
        user_id: this.#userId,
        attempts: failures,
        error: describeError(error),
      });
    }
  }

  get #userId(): string {
    return this.ctx.storage.kv.get<string>(USER_ID) ?? "";
  }

  #find(sessionId: string, now: number): SessionRow | undefined {
    return this.ctx.storage.sql
      .exec<SessionRow>("SELECT * FROM sessions WHERE id = ? AND expires_at > ?", sessionId, now)
      .toArray()[0];
  }

  async #endSessions(ids: string[], refusedUntil: number): Promise<void> {
    for (const id of ids) {
      this.ctx.storage.sql.exec("DELETE FROM sessions WHERE id = ?", id);
      this.ctx.storage.sql.exec("INSERT OR REPLACE INTO revoked VALUES (?, ?)", id, refusedUntil);
    }
    this.ctx.storage.kv.put(NOT_COPIED, true);
    await this.#armFor(this.#copyDueAt(systemClock.now()));
  }

  #copyDueAt(now: number): number {
    const failures = this.ctx.storage.kv.get<number>(FAILURES) ?? 0;
    if (failures > 0) return now + Math.min(LONGEST_RETRY, COPY_INTERVAL * 2 ** (failures - 1));
    return Math.max(now, (this.ctx.storage.kv.get<number>(COPIED_AT) ?? 0) + COPY_INTERVAL);
  }

  #nextTask(now: number): number | undefined {
    if (this.ctx.storage.kv.get<boolean>(NOT_COPIED)) return this.#copyDueAt(now);
    const row = this.ctx.storage.sql
      .exec<{ next: number | null }>(
        "SELECT min(at) AS next FROM (SELECT min(expires_at) AS at FROM sessions UNION SELECT min(refused_until) FROM revoked)",
      )
      .one();
    return row.next ?? undefined;
  }

  async #armFor(time: number): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > time) await this.ctx.storage.setAlarm(time);
  }

  #createTables(): void {
    this.ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS sessions (
         id TEXT PRIMARY KEY, generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
         last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, device_name TEXT, user_agent TEXT, ip_address TEXT
       ) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS revoked (session_id TEXT PRIMARY KEY, refused_until INTEGER NOT NULL) WITHOUT ROWID;`,
    );
  }
}

function isInGrace(session: SessionRow, generation: number, grace: number, now: number): boolean {
  return generation === session.generation - 1 && now - session.rotated_at <= grace;
}
