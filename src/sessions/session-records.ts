/**
 * The records of one user's sessions in the SQLite storage of the user's object, and of the sessions that ended while
 * one of their access tokens may still be valid. All methods are synchronous, so that everything one call does is
 * atomic. The tables are created with the first session, so that an empty object uses no storage.
 */
import { DAY } from "../platform/clock.ts";
import type { RevokedSession } from "./revocations.ts";

/** A device that was not used for this long counts as new again. */
const DEVICE_MEMORY = 365 * DAY;

/** Where a session is used from, as its owner sees it in the list. */
export interface SessionOrigin {
  deviceName: string | null;
  userAgent: string | null;
  ipAddress: string | null;
}

/** Times are milliseconds since the epoch. */
export interface Session extends SessionOrigin {
  id: string;
  /** The user's session epoch when the session was opened. A session of an earlier epoch is refused. */
  epoch: number;
  /** The generation of the newest refresh token. */
  generation: number;
  rotatedAt: number;
  createdAt: number;
  lastUsedAt: number;
  /** When the session ends if it is not refreshed. Each refresh moves it forward, up to `endsAt`. */
  expiresAt: number;
  /** When the session ends even if it is refreshed. */
  endsAt: number;
}

/** A device that the user logged in from, identified by a digest of what the client says about itself. */
export interface Device {
  digest: string;
  firstSeenAt: number;
  lastSeenAt: number;
}

type SessionRow = { [Column in keyof Session]: Session[Column] };

const COLUMNS = `id, epoch, generation, rotated_at AS rotatedAt, created_at AS createdAt, last_used_at AS lastUsedAt,
  expires_at AS expiresAt, ends_at AS endsAt, device_name AS deviceName, user_agent AS userAgent, ip_address AS ipAddress`;

const DEVICES =
  "CREATE TABLE IF NOT EXISTS devices (digest TEXT PRIMARY KEY, first_seen_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL) WITHOUT ROWID;";

export class SessionRecords {
  readonly #sql: SqlStorage;
  #hasTables: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#hasTables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray().length > 0;
    // The object may have been created by a version that did not record devices.
    if (this.#hasTables) sql.exec(DEVICES);
  }

  /** Whether the user has had a session since the object was last empty. */
  get exist(): boolean {
    return this.#hasTables;
  }

  /** The session, unless it has ended or expired. */
  find(id: string, now: number): Session | undefined {
    return this.#read<SessionRow>(`SELECT ${COLUMNS} FROM sessions WHERE id = ? AND expires_at > ?`, id, now)[0];
  }

  /** The live sessions, last used first. */
  list(now: number): Session[] {
    return this.#read<SessionRow>(
      `SELECT ${COLUMNS} FROM sessions WHERE expires_at > ? ORDER BY last_used_at DESC, id DESC`,
      now,
    );
  }

  add(session: Session): void {
    this.#createTables();
    this.#sql.exec(
      "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      session.id,
      session.epoch,
      session.generation,
      session.rotatedAt,
      session.createdAt,
      session.lastUsedAt,
      session.expiresAt,
      session.endsAt,
      session.deviceName,
      session.userAgent,
      session.ipAddress,
    );
  }

  /** Moves a session to its next generation. */
  advance(id: string, generation: number, now: number, expiresAt: number): void {
    this.#sql.exec(
      "UPDATE sessions SET generation = ?, rotated_at = ?, last_used_at = ?, expires_at = ? WHERE id = ?",
      generation,
      now,
      now,
      expiresAt,
      id,
    );
  }

  /** Moves a session of an earlier epoch to `epoch`. */
  adopt(id: string, epoch: number): void {
    if (this.#hasTables) this.#sql.exec("UPDATE sessions SET epoch = max(epoch, ?) WHERE id = ?", epoch, id);
  }

  /** Ends a session, and lists it as revoked until `refusedUntil`. */
  end(id: string, refusedUntil: number): void {
    this.#sql.exec("DELETE FROM sessions WHERE id = ?", id);
    this.#sql.exec("INSERT OR REPLACE INTO revoked VALUES (?, ?)", id, refusedUntil);
  }

  revoked(): RevokedSession[] {
    return this.#read<RevokedSession>("SELECT session_id AS sessionId, refused_until AS refusedUntil FROM revoked");
  }

  /**
   * Records the use of a device, and keeps only the `most` recently used ones. Returns whether the device was known.
   */
  see(digest: string, now: number, most: number): boolean {
    this.#createTables();
    const isKnown = this.#sql.exec("SELECT 1 FROM devices WHERE digest = ?", digest).toArray().length > 0;
    this.#sql.exec(
      "INSERT INTO devices VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at",
      digest,
      now,
      now,
    );
    this.#sql.exec(
      "DELETE FROM devices WHERE digest NOT IN (SELECT digest FROM devices ORDER BY last_seen_at DESC LIMIT ?)",
      most,
    );
    return isKnown;
  }

  devices(): Device[] {
    return this.#read<{ [Column in keyof Device]: Device[Column] }>(
      "SELECT digest, first_seen_at AS firstSeenAt, last_seen_at AS lastSeenAt FROM devices ORDER BY last_seen_at DESC",
    );
  }

  forgetDevices(): void {
    if (this.#hasTables) this.#sql.exec("DELETE FROM devices");
  }

  /** Deletes expired sessions and devices, and revocations that are no longer needed. */
  dropLapsed(now: number): void {
    if (!this.#hasTables) return;
    this.#sql.exec("DELETE FROM devices WHERE last_seen_at <= ?", now - DEVICE_MEMORY);
    this.#sql.exec("DELETE FROM sessions WHERE expires_at <= ?", now);
    this.#sql.exec("DELETE FROM revoked WHERE refused_until <= ?", now);
  }

  /** When the next record expires; `undefined` if there is none. */
  nextLapse(): number | undefined {
    const times = this.#read<{ at: number | null }>(
      "SELECT min(expires_at) AS at FROM sessions UNION SELECT min(refused_until) FROM revoked UNION SELECT min(last_seen_at) + ? FROM devices",
      DEVICE_MEMORY,
    ).flatMap(({ at }) => at ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Must be called after the object's storage was deleted. */
  forgetTables(): void {
    this.#hasTables = false;
  }

  #read<Row extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]): Row[] {
    return this.#hasTables ? this.#sql.exec<Row>(query, ...bindings).toArray() : [];
  }

  #createTables(): void {
    if (this.#hasTables) return;
    this.#sql.exec(
      `CREATE TABLE sessions (
         id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
         last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, device_name TEXT, user_agent TEXT, ip_address TEXT
       ) WITHOUT ROWID;
       CREATE TABLE revoked (session_id TEXT PRIMARY KEY, refused_until INTEGER NOT NULL) WITHOUT ROWID;
       ${DEVICES}`,
    );
    this.#hasTables = true;
  }
}
