/**
 * The records of one user's sessions in the SQLite storage of the user's object. All methods are synchronous, so that
 * the writes of one call are atomic.
 */
import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";

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
  /** When the session ends if it is not refreshed. Each refresh makes it later, up to `endsAt`. */
  expiresAt: number;
  /** When the session ends even if it is refreshed. */
  endsAt: number;
}

type SessionRow = { [Column in keyof Session]: Session[Column] };

const TABLE = "sessions";

const DEFINITION = `CREATE TABLE sessions (
  id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, device_name TEXT, user_agent TEXT, ip_address TEXT
) WITHOUT ROWID`;

const COLUMNS = `id, epoch, generation, rotated_at AS rotatedAt, created_at AS createdAt, last_used_at AS lastUsedAt,
  expires_at AS expiresAt, ends_at AS endsAt, device_name AS deviceName, user_agent AS userAgent, ip_address AS ipAddress`;

const LIVE = `SELECT ${COLUMNS} FROM sessions WHERE expires_at > ? ORDER BY last_used_at DESC, id DESC`;

export class SessionRecords implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  /** Whether the user has had a session since the object was last empty. */
  get exist(): boolean {
    return this.#tables.has(TABLE);
  }

  /** The session, unless it has ended or expired. */
  find(id: string, now: number): Session | undefined {
    return this.#run(`SELECT ${COLUMNS} FROM sessions WHERE id = ? AND expires_at > ?`, id, now)[0];
  }

  /** The live sessions, most recently used first. */
  list(now: number): Session[] {
    return this.#run(LIVE, now);
  }

  /** The live sessions, except the `maximum` most recently used ones. */
  surplus(maximum: number, now: number): Session[] {
    return this.#run(`${LIVE} LIMIT -1 OFFSET ?`, now, maximum);
  }

  add(session: Session): void {
    this.#tables.create(TABLE, DEFINITION);
    this.#run(
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

  /** Moves a session to a later generation, and extends it. */
  advance(id: string, generation: number, now: number, expiresAt: number): void {
    const update = "UPDATE sessions SET generation = ?, rotated_at = ?, last_used_at = ?, expires_at = ? WHERE id = ?";
    this.#run(update, generation, now, now, expiresAt, id);
  }

  /** Moves a session of an earlier epoch to `epoch`. */
  adopt(id: string, epoch: number): void {
    this.#run("UPDATE sessions SET epoch = max(epoch, ?) WHERE id = ?", epoch, id);
  }

  delete(id: string): void {
    this.#run("DELETE FROM sessions WHERE id = ?", id);
  }

  dropLapsed(now: number): void {
    this.#run("DELETE FROM sessions WHERE expires_at <= ?", now);
  }

  nextLapse(): number | undefined {
    return this.#tables.earliest(TABLE, "expires_at");
  }

  #run(statement: string, ...bindings: SqlStorageValue[]): SessionRow[] {
    return this.#tables.run<SessionRow>(TABLE, statement, ...bindings);
  }
}
