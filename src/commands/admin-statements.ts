/** The statements of `npm run admin:create`: each set is one transaction, which does nothing where things have changed. */
import type { AuditEventType } from "../audit/event-types.ts";
import { systemClock } from "../platform/clock.ts";
import { createId, type Random } from "../platform/random.ts";
import { DATABASE_NOW, quote } from "./database.ts";

const NEXT_VERSION = `max(${DATABASE_NOW}, updated_at + 1)`;

/** The account of an address, and which of the names are taken. */
export function situationQuery(email: string, names: readonly string[]): string {
  const list = names.map((name) => quote(name.toLowerCase())).join(", ");
  return [
    accountQuery(email),
    `SELECT lower(username) AS username FROM users WHERE lower(username) IN (${list}) UNION SELECT lower(username) FROM registrations WHERE lower(username) IN (${list})`,
  ].join("; ");
}

export function accountQuery(email: string): string {
  return `SELECT id, username, is_active, is_verified, is_superuser FROM users WHERE email = ${quote(email)}`;
}

/** Makes an account with the flag. */
export function creation(account: { email: string; username: string; hash: string }, random: Random): string[] {
  const id = createId(systemClock.now(), random);
  const { email, username, hash } = account;
  const values = [id, email, username, hash].map(quote).join(", ");
  return [
    `INSERT INTO users (id, email, username, password_hash, role, is_superuser, is_verified, created_at, updated_at) SELECT ${values}, 'admin', 1, 1, ${DATABASE_NOW}, ${DATABASE_NOW} WHERE NOT EXISTS (SELECT 1 FROM registrations WHERE lower(username) = lower(${quote(username)})) ON CONFLICT DO NOTHING`,
    noteGrant(`id = ${quote(id)}`, random),
  ];
}

/** Sets the flag of an account that its owner has proved, and that is not suspended. */
export function promotion(id: string, random: Random): string[] {
  const meant = `id = ${quote(id)} AND is_verified = 1 AND is_active = 1 AND is_superuser = 0`;
  return [
    noteGrant(meant, random),
    `UPDATE users SET role = 'admin', is_superuser = 1, updated_at = ${NEXT_VERSION} WHERE ${meant}`,
  ];
}

/** An account that nobody has proved, or not any more: whoever opened it loses it, with the password that they chose. */
export function takeover(id: string, hash: string, random: Random): string[] {
  const meant = `id = ${quote(id)} AND is_verified = 0 AND is_active = 1`;
  return [
    noteGrant(meant, random),
    `UPDATE users SET password_hash = ${quote(hash)}, role = 'admin', is_superuser = 1, is_verified = 1, session_epoch = session_epoch + 1, updated_at = ${NEXT_VERSION} WHERE ${meant}`,
    // Its own registration is spent. Others wait on in vain, so that nobody learns of this.
    `DELETE FROM registrations WHERE lower(username) = (SELECT lower(username) FROM users WHERE id = ${quote(id)} AND is_superuser = 1)`,
  ];
}

/** Notes it for whoever meets the condition. Nobody who is known to the service did it: the event has no actor. */
function noteGrant(condition: string, random: Random): string {
  const type: AuditEventType = "superuser_granted";
  const eventId = createId(systemClock.now(), random);
  return `INSERT INTO audit_events (id, type, occurred_at, user_id) SELECT '${eventId}', '${type}', ${DATABASE_NOW}, id FROM users WHERE ${condition}`;
}
