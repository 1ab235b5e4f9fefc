import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { type Authentication, PASSWORD_ALONE, readMethods, writeMethods } from "./authentication.ts";

const TABLE = "authentications";

const DEFINITION = `CREATE TABLE authentications (
  session_id TEXT PRIMARY KEY, at INTEGER NOT NULL, methods TEXT NOT NULL, raised_to INTEGER
) WITHOUT ROWID`;

const DEFAULT_METHODS = writeMethods(PASSWORD_ALONE);

/** The authentication of a session, as it is stored. */
interface RecordedAuthentication extends Authentication {
  /** The refresh token's generation just after the session's level last rose; `null` if the level never rose. */
  raisedTo: number | null;
}

/**
 * How and when the user authenticated, for each of their sessions. If the session was opened with a password alone and
 * the user has not authenticated again since, there is no record, to save a row. The records have a separate table,
 * because an earlier release, which may run again after a rollback, writes sessions but no such records.
 */
export class AuthenticationRecords implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  find({ id, createdAt }: { id: string; createdAt: number }): RecordedAuthentication {
    const select = "SELECT at, methods, raised_to AS raisedTo FROM authentications WHERE session_id = ?";
    const [row] = this.#tables.run<{ at: number; methods: string; raisedTo: number | null }>(TABLE, select, id);
    if (row === undefined) return { at: createdAt, methods: PASSWORD_ALONE, raisedTo: null };
    return { ...row, methods: readMethods(row.methods) };
  }

  /** Records the authentication that a session is opened with. */
  add(sessionId: string, { at, methods }: Authentication): void {
    if (writeMethods(methods) !== DEFAULT_METHODS) this.put(sessionId, { at, methods, raisedTo: null });
  }

  put(sessionId: string, { at, methods, raisedTo }: RecordedAuthentication): void {
    this.#tables.create(TABLE, DEFINITION);
    const insert = "INSERT OR REPLACE INTO authentications (session_id, at, methods, raised_to) VALUES (?, ?, ?, ?)";
    this.#tables.run(TABLE, insert, sessionId, at, writeMethods(methods), raisedTo);
  }

  delete(sessionId: string): void {
    this.#tables.run(TABLE, "DELETE FROM authentications WHERE session_id = ?", sessionId);
  }

  /** Deletes the records of sessions that have expired, or that an earlier release has ended. */
  dropLapsed(): void {
    this.#tables.run(TABLE, "DELETE FROM authentications WHERE session_id NOT IN (SELECT id FROM sessions)");
  }

  /** Each record lapses with its session. */
  nextLapse(): undefined {}
}
