/**
 * What a change in D1 causes: audit events, and follow-ups such as emails. Both are stored in the batch that makes the
 * change, so none is lost if the isolate is lost right afterwards.
 */
import { type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { type EventRow, insertEvent } from "../audit/event-store.ts";
import { type Database, HAS_CHANGED } from "../db/client.ts";
import { followUps } from "../db/schema.ts";

/** Work that is left to do after a change in D1. `content` is JSON, whose shape depends on the kind. */
export interface FollowUp {
  id: string;
  kind: typeof followUps.$inferSelect.kind;
  content: object;
}

/** An SQL expression for a value that only the database knows. */
export type KnownToD1 = SQL;

export interface Consequences {
  events: readonly EventRow[];
  followUps: readonly FollowUp[];
  /**
   * From this time on, the cron job carries out the follow-ups that the request has left undone. In milliseconds since
   * the epoch.
   */
  dueAt: number;
}

/**
 * The statements that store consequences. Put them directly after the statement that makes the change. They do nothing
 * if that statement changed no row. If no single statement makes the change, pass a `condition` that decides instead.
 */
export function storing(db: Database, consequences: Consequences, condition: SQL = HAS_CHANGED) {
  const rows = consequences.followUps.map(({ content, ...row }) => ({ ...row, content: JSON.stringify(content) }));
  const stored = (where: SQL) =>
    db
      .insert(followUps)
      .select(
        sql`SELECT value ->> '$.id', value ->> '$.kind', value ->> '$.content', ${consequences.dueAt}, 0 FROM json_each(${JSON.stringify(rows)}) WHERE ${where}`,
      );
  // Each statement adds exactly one row if the previous statement changed a row. So each statement only has to test
  // whether the previous statement changed a row.
  const statements = consequences.events.map((event, index) =>
    insertEvent(db, event, index === 0 ? condition : HAS_CHANGED),
  );
  const named = Object.fromEntries(statements.map((statement, index) => [`event${index}`, statement]));
  return rows.length === 0 ? named : { ...named, followUps: stored(statements.length === 0 ? condition : HAS_CHANGED) };
}

/**
 * What the user's object must learn besides the session epoch: whether to forget the devices from which the user has
 * logged in, and whether the role has changed.
 */
export interface SessionNews {
  userId: string;
  forgetsDevices?: boolean | undefined;
  changesRole?: boolean | undefined;
}

/** The follow-up by which the user's object learns of a new session epoch, a new role, or the deletion of the user. */
export function tellingSessions(id: string, news: SessionNews): FollowUp {
  const { userId, forgetsDevices = false, changesRole = false } = news;
  return { id, kind: "sessions", content: { userId, forgetsDevices, changesRole } };
}

/** The follow-up that removes personal data from the events of a deleted user. */
export function anonymising(userId: string): FollowUp {
  return { id: `anonymise:${userId}`, kind: "anonymise", content: { userId } };
}

/**
 * Stores follow-ups that remove the personal data from the events of users who are about to be deleted. `ids` selects
 * these users. A user can have millions of events, so the batch that deletes the user can't change them itself.
 */
export function storeAnonymising(db: Database, ids: SQLWrapper, now: number) {
  return db
    .insert(followUps)
    .select(sql`SELECT 'anonymise:' || id, 'anonymise', json_object('userId', id), ${now}, 0 FROM (${ids}) WHERE true`)
    .onConflictDoNothing();
}
