/** Users whom the operator's commands write to D1: imported users, and superusers. */
import { and, eq, getTableColumns, inArray, notExists, type SQL, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import type { AuditEvent } from "../audit/event-types.ts";
import { batchOf, type Database } from "../db/client.ts";
import { auditEvents, registrations, retiredUsernames, users } from "../db/schema.ts";
import { type Consequences, storeAnonymising, storing } from "../followups/consequences.ts";
import { canonicalName, usernameDigest } from "./login-names.ts";
import { newProfile } from "./profile-fields.ts";
import { type User, wasNeverProved } from "./user.ts";
import { isRetired, retiredUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";
import { idsOf, isBareRegistration, nextEpoch, nextVersion } from "./users.ts";

/** A user to be added, and the audit event that records it. No actor: the service does not know the operator. */
export interface Arrival {
  user: User;
  event: Pick<AuditEvent, "id" | "type" | "occurredAt" | "details">;
}

/** The field whose value is already taken. */
export type Conflict = "email" | "id" | "username";

/** Who becomes a superuser, and when. */
type GrantEvent = Pick<AuditEvent, "id" | "occurredAt">;

export function createProvisioningStore(db: Database) {
  return {
    /**
     * Adds users in one transaction, and leaves out each whose id, address or username is taken. A user with a verified
     * address takes the username from registrations that were never proved, and with `replacesUnproved` the address too.
     * One with an unverified address gets a registration, as if they had registered. No two of `arrivals` may share an
     * id, address or username. Returns for each arrival its conflict, or `null` if the user was added by its event.
     */
    async add(arrivals: readonly Arrival[], now: number, { replacesUnproved }: { replacesUnproved: boolean }) {
      // One bound value however many rows there are: D1 takes 100 values, each of up to 2 MB.
      const rows = sql`json_each(${JSON.stringify(arrivals.map(rowOf))})`;
      const eventId = member("event", "id");
      const isRecorded = sql`EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.id} = ${eventId})`;
      const isUnverified = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${member("user", "id")} AND ${users.isVerified} = 0)`;
      const conflict = conflictOf(now, replacesUnproved);
      const claims = arrivals.flatMap(({ user: { email, username, isVerified }, event: { id } }) =>
        isVerified ? [{ event: { id }, user: { email, username: canonicalName(username) } }] : [],
      );
      /** The addresses or usernames of the proved users who are added. */
      const claimed = (name: "email" | "username") =>
        sql`(SELECT ${member("user", name)} FROM json_each(${JSON.stringify(claims)}) WHERE ${isRecorded})`;
      const makesRoom = and(IS_SELF_MADE, sql`${users.email} IN ${claimed("email")}`);
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
        anonymise: storeAnonymising(db, idsOf(db, users, makesRoom), now),
        makeRoom: db.delete(users).where(makesRoom),
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

    /** Which of these events are recorded. */
    async recorded(eventIds: readonly string[]) {
      const ids = sql`(SELECT value FROM json_each(${JSON.stringify(eventIds)}))`;
      const found = await db.select({ id: auditEvents.id }).from(auditEvents).where(inArray(auditEvents.id, ids));
      return new Set(found.map(({ id }) => id));
    },

    /** Makes an active, verified user a superuser. `false` if they are one already, or have changed meanwhile. */
    promote(id: string, event: GrantEvent): Promise<boolean> {
      const isMeant = and(eq(users.id, id), eq(users.isVerified, true), eq(users.isSuperuser, false));
      return grant(id, isMeant, {}, event);
    },

    /** Whether a proved user may have the username, or the user `except`. Registrations that wait for proof don't count. */
    async isUsernameFree(name: string, now: number, except?: string) {
      const username = canonicalName(name);
      const { owner, retired } = await batchOf(db, {
        owner: usernameOwner(db, username, except),
        retired: retiredUsername(db, username, now),
      });
      return owner.length + retired.length === 0;
    },

    /**
     * Makes a superuser of an account whose address is not verified, with this password. The person who registered it
     * loses the account. If they never proved the address, `username` takes the place of theirs, and their profile is
     * removed. `false` if the address was verified or the account has changed meanwhile.
     */
    takeOver(
      user: User,
      { passwordHash, username }: Pick<User, "passwordHash" | "username">,
      event: GrantEvent,
    ): Promise<boolean> {
      const { id, sessionEpoch } = user;
      const isMeant = and(eq(users.id, id), eq(users.isVerified, false), eq(users.sessionEpoch, sessionEpoch));
      const values = { passwordHash, passwordBlockedAt: null, isVerified: true, ...nextEpoch() };
      if (!wasNeverProved(user)) return grant(id, isMeant, values, event);
      const name = canonicalName(username);
      const isFree = and(
        notExists(usernameOwner(db, name, id)),
        notExists(retiredUsername(db, name, event.occurredAt)),
      );
      return grant(id, and(isMeant, isFree), { ...values, username, ...newProfile({}) }, event);
    },
  };

  /**
   * Makes the active user who meets a condition a superuser and records it, in one transaction. The cron job tells the
   * user's sessions, which a command can't reach.
   */
  async function grant(
    id: string,
    condition: SQL | undefined,
    values: SQLiteUpdateSetSource<typeof users> & { username?: string },
    event: GrantEvent,
  ): Promise<boolean> {
    const content = { userId: id, forgetsDevices: false, changesRole: true };
    const consequences: Consequences = {
      events: [],
      followUps: [{ id: event.id, kind: "sessions", content }],
      dueAt: event.occurredAt,
    };
    const type: AuditEvent["type"] = "superuser_granted";
    const isMeant = and(condition, eq(users.isActive, true));
    const isRecorded = sql`EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.id} = ${event.id})`;
    const { granted } = await batchOf(db, {
      event: db
        .insert(auditEvents)
        .select(
          sql`SELECT ${event.id}, ${type}, ${event.occurredAt}, NULL, ${users.id}, NULL, NULL, NULL, NULL FROM ${users} WHERE ${isMeant}`,
        ),
      // The registration of the user is used up. Others stay until they expire, so that the people who made them
      // notice no change.
      spent: db
        .delete(registrations)
        .where(
          and(
            isRecorded,
            sql`(${registrations.email}, lower(${registrations.username})) IN (SELECT ${users.email}, lower(${users.username}) FROM ${users} WHERE ${users.id} = ${id})`,
          ),
        ),
      ...takeFromUnproved(db, canonicalName(values.username ?? ""), isRecorded),
      granted: db
        .update(users)
        .set({ ...values, role: "admin", isSuperuser: true, updatedAt: nextVersion(event.occurredAt) })
        .where(isMeant)
        .returning({ id: users.id }),
      ...storing(db, consequences),
    });
    return granted.length > 0;
  }
}

function rowOf({ user, event }: Arrival) {
  return { user, event, usernameDigest: usernameDigest(user.username) };
}

/** A member of the JSON row that is being read. */
function member(...path: string[]): SQL {
  return sql`value ->> ${sql.raw(`'$.${path.join(".")}'`)}`;
}

/** One member of the JSON user for each column of a table, in the table's order. `others` replaces some of them. */
function members(columns: Record<string, unknown>, others: Record<string, SQL> = {}): SQL {
  return sql.join(
    Object.keys(columns).map((name) => others[name] ?? member("user", name)),
    sql`, `,
  );
}

/** Whether the user in the JSON row has a verified address. */
const IS_PROVED = member("user", "isVerified");

/**
 * A registration that was never proved, and that no import has made: no line of a file replaces another. `IS TRUE` and
 * the plus sign keep SQLite from using indexes that find thousands of rows here.
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
    THEN 'username' END`;
}
