/** The statements of an import. Rows travel as JSON, so that nothing in them is ever read as SQL. */
import type { AuditEventType } from "../../audit/event-types.ts";
import { jsonRows, quote } from "../database.ts";
import type { ImportedUser } from "./imported-user.ts";

/** Bytes of rows in one statement, beside what they are selected by: D1 takes statements of 100 KB. */
const MOST_BYTES = 90_000;

const SHARED = ["id", "email", "username", "password_hash", "first_name", "last_name", "phone", "locale"];
const COLUMNS = [
  ...SHARED,
  ...["role", "is_active", "is_verified", "is_superuser", "created_at", "updated_at", "last_login_at"],
];

/**
 * Adds users, one transaction's worth. Whoever is there already, by id, address or username, stays as they
 * are. A user whose address is not proved waits as a registration too, as if they had registered at `now`.
 */
export function importStatements(users: readonly ImportedUser[], now: number): string[] {
  return chunks(users, (user) => user).flatMap((chunk) => {
    const unproved = chunk.filter((user) => user.is_verified === 0);
    return [
      addUsers(chunk, now),
      noteImports(chunk, now),
      ...(unproved.length > 0 ? [addRegistrations(unproved, now)] : []),
    ];
  });
}

/** The audit events of the users who came in, between the ids of the first line's and the last one's. */
export function importedQuery(first: string, last: string): string {
  return `SELECT id FROM audit_events WHERE id BETWEEN ${quote(first)} AND ${quote(last)}`;
}

/**
 * Why these users are not there: whether somebody else has their address or their id; otherwise somebody has
 * their username. A row for each, in their order.
 */
export function conflictQueries(users: readonly ImportedUser[]): { asked: ImportedUser[]; query: string }[] {
  const essence = ({ id, email }: ImportedUser) => ({ id, email });
  return chunks(users, essence).map((asked) => ({
    asked,
    query: `SELECT value ->> '$.id' AS id, EXISTS (SELECT 1 FROM users WHERE email = value ->> '$.email') AS has_email, EXISTS (SELECT 1 FROM users WHERE id = value ->> '$.id') AS has_id FROM ${jsonRows(asked.map(essence))} ORDER BY key`,
  }));
}

function addUsers(users: readonly ImportedUser[], now: number): string {
  const free = "NOT EXISTS (SELECT 1 FROM registrations WHERE lower(username) = lower(value ->> '$.username'))";
  return `INSERT INTO users (${COLUMNS.join(", ")}) SELECT ${members(COLUMNS)} FROM ${jsonRows(users)} WHERE ${free} AND ${isNotRetired(now)} ON CONFLICT DO NOTHING`;
}

/**
 * Of whoever came in: once, however many lines name them, and not of somebody whom an earlier import brought.
 * Nobody who is known to the service did it: the events have no actor.
 */
function noteImports(users: readonly ImportedUser[], now: number): string {
  const type: AuditEventType = "account_imported";
  const gone: AuditEventType = "account_deleted";
  const noted = users.map(({ id, email, username, scheme, event_id }) => ({ id, email, username, scheme, event_id }));
  const wasBrought = `SELECT 1 FROM audit_events AS brought WHERE brought.user_id = users.id AND brought.type = '${type}' AND NOT EXISTS (SELECT 1 FROM audit_events AS parted WHERE parted.user_id = users.id AND parted.type = '${gone}' AND parted.id > brought.id)`;
  return `INSERT INTO audit_events (id, type, occurred_at, user_id, details) SELECT min(value ->> '$.event_id'), '${type}', ${now}, users.id, json_object('scheme', value ->> '$.scheme') FROM ${jsonRows(noted)} JOIN users ON users.id = value ->> '$.id' AND users.email = value ->> '$.email' AND users.username = value ->> '$.username' WHERE NOT EXISTS (${wasBrought}) GROUP BY users.id ON CONFLICT DO NOTHING`;
}

/** Of whoever came in, and has not proved the address since. */
function addRegistrations(users: readonly ImportedUser[], now: number): string {
  return `INSERT INTO registrations (${[...SHARED, "created_at"].join(", ")}) SELECT ${members(SHARED)}, ${now} FROM ${jsonRows(users)} JOIN audit_events ON audit_events.id = value ->> '$.event_id' JOIN users ON users.id = audit_events.user_id AND users.is_verified = 0 WHERE true ON CONFLICT DO NOTHING`;
}

function isNotRetired(now: number): string {
  return `NOT EXISTS (SELECT 1 FROM retired_usernames WHERE digest = value ->> '$.username_digest' AND retired_until > ${now})`;
}

function members(columns: readonly string[]): string {
  return columns.map((column) => `value ->> '$.${column}'`).join(", ");
}

/** Parts of the list that fit into a statement each, of what is written of a user. */
function chunks(users: readonly ImportedUser[], written: (user: ImportedUser) => object): ImportedUser[][] {
  const made: ImportedUser[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const user of users) {
    const length = Buffer.byteLength(jsonRows([written(user)]));
    if (bytes + length > MOST_BYTES) {
      made.push([]);
      bytes = 0;
    }
    made.at(-1)?.push(user);
    bytes += length;
  }
  return made;
}
