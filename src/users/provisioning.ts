/** How the operator's commands add users to D1. */
import { and, getTableColumns, inArray, type SQL, sql } from "drizzle-orm";
import type { AuditEvent } from "../audit/event-types.ts";
import { batchOf, type Database } from "../db/client.ts";
import { auditEvents, registrations, retiredUsernames, users } from "../db/schema.ts";
import { canonicalName, usernameDigest } from "./login-names.ts";
import type { User } from "./user.ts";
import { dropUsers, isBareRegistration } from "./user-statements.ts";
import { isRetired, takeFromUnproved } from "./usernames.ts";

/**
 * A user to be added, and the audit event that records it. The event has no actor, because the service does not know
 * which operator ran the command.
 */
export interface Arrival {
  user: User;
  event: Pick<AuditEvent, "id" | "type" | "occurredAt" | "details">;
}

/** The field whose value is already taken. */
export type Conflict = "email" | "id" | "username" | "userHandle";

export function createProvisioningStore(db: Database) {
  return {
    /**
     * Adds users in one transaction. Leaves out each user whose id, address, username or user handle is taken.
     *
     * A user with a verified address takes the username from unproved registrations (see `isBareRegistration`). With
     * `replacesUnproved`, such a user also takes the address, but takes nothing from imported registrations. A user
     * with an unverified address also gets a registration, as if they had registered.
     *
     * Two `arrivals` must not share an id, address, username or user handle. Returns the conflict of each arrival, or
     * `null` if this call or an earlier call with the same event has added the user.
     */
    async add(arrivals: readonly Arrival[], now: number, { replacesUnproved }: { replacesUnproved: boolean }) {
      // Binds all rows as one value: D1 allows 100 values in a statement, each of up to 2 MB.
      const rows = sql`json_each(${JSON.stringify(arrivals.map(rowOf))})`;
      const eventId = member("event", "id");
      const isRecorded = sql`EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.id} = ${eventId})`;
      const isUnverified = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${member("user", "id")} AND ${users.isVerified} = 0)`;
      const conflict = conflictOf(now, replacesUnproved);
      const claims = arrivals.flatMap(({ user: { email, username, isVerified }, event: { id } }) =>
        isVerified ? [{ event: { id }, user: { email, username: canonicalName(username) } }] : [],
      );
      /** The addresses or usernames of the verified users who are added. */
      const claimed = (name: "email" | "username") =>
        sql`(SELECT ${member("user", name)} FROM json_each(${JSON.stringify(claims)}) WHERE ${isRecorded})`;
      const { found } = await batchOf(db, {
        found: db
          .select({
            conflict: sql<Conflict | null>`CASE WHEN ${isRecorded} THEN NULL ELSE ${conflict} END`.as("conflict"),
          })
          .from(rows)
          .orderBy(sql`key`),
        // The event comes first: its user and registration are only added if the event is recorded.
        events: db
          .insert(auditEvents)
          .select(
            sql`SELECT ${eventId}, ${member("event", "type")}, ${member("event", "occurredAt")}, NULL, ${member("user", "id")}, NULL, NULL, NULL, ${member("event", "details")} FROM ${rows} WHERE ${conflict} IS NULL`,
          )
          .onConflictDoNothing(),
        ...dropUsers(db, and(IS_SELF_MADE, sql`${users.email} IN ${claimed("email")}`), now),
        ...takeFromUnproved(db, claimed("username"), undefined),
        users: db
          .insert(users)
          .select(sql`SELECT ${members(getTableColumns(users))} FROM ${rows} WHERE ${isRecorded}`)
          .onConflictDoNothing(),
        registrations: db
          .insert(registrations)
          .select(
            sql`SELECT ${members(getTableColumns(registrations), { createdAt: member("event", "occurredAt") })} FROM ${rows} WHERE ${isRecorded} AND ${isUnverified}`,
          )
          .onConflictDoNothing(),
      });
      return found.map((row) => row.conflict);
    },

    /** Returns which of these ids belong to recorded events. */
    async recorded(eventIds: readonly string[]) {
      const ids = sql`(SELECT value FROM json_each(${JSON.stringify(eventIds)}))`;
      const found = await db.select({ id: auditEvents.id }).from(auditEvents).where(inArray(auditEvents.id, ids));
      return new Set(found.map(({ id }) => id));
    },
  };
}

function rowOf({ user, event }: Arrival) {
  return { user, event, usernameDigest: usernameDigest(user.username) };
}

/** A member of the JSON row that is being read. */
function member(...path: string[]): SQL {
  return sql`value ->> ${sql.raw(`'$.${path.join(".")}'`)}`;
}

/**
 * One member of the JSON user for each column of a table, in the table's order. `others` replaces the members of some
 * columns.
 */
function members(columns: Record<string, unknown>, others: Record<string, SQL> = {}): SQL {
  return sql.join(
    Object.keys(columns).map((name) => others[name] ?? member("user", name)),
    sql`, `,
  );
}

/** Whether the user in the JSON row has a verified address. */
const IS_PROVED = member("user", "isVerified");

/**
 * An unproved registration that was not imported. Imported registrations are left out, because a line of an import file
 * must not replace the user of another line. `IS TRUE` and the plus sign keep SQLite from using indexes that would find
 * thousands of rows here.
 */
const IS_SELF_MADE = sql`((${isBareRegistration} AND NOT EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.userId} = ${users.id} AND +${auditEvents.type} = 'account_imported')) IS TRUE)`;

function conflictOf(now: number, replacesUnproved: boolean): SQL {
  const [email, id, username] = [member("user", "email"), member("user", "id"), member("user", "username")];
  const digest = member("usernameDigest");
  const isReplaced = replacesUnproved ? sql`(${IS_PROVED} AND ${IS_SELF_MADE})` : sql`0`;
  const yieldsName = replacesUnproved ? isReplaced : sql`(${IS_PROVED} AND ${isBareRegistration})`;
  return sql`CASE
    WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.email} = ${email} AND NOT ${isReplaced}) THEN 'email'
    WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${id}) THEN 'id'
    WHEN EXISTS (SELECT 1 FROM ${users} WHERE lower(${users.username}) = lower(${username}) AND NOT ${yieldsName})
      OR (NOT ${IS_PROVED} AND EXISTS (SELECT 1 FROM ${registrations} WHERE lower(${registrations.username}) = lower(${username})))
      OR EXISTS (SELECT 1 FROM ${retiredUsernames} WHERE ${retiredUsernames.digest} = ${digest} AND ${isRetired(now)})
    THEN 'username'
    WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.userHandle} = ${member("user", "userHandle")}) THEN 'userHandle' END`;
}
