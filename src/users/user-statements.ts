/** Parts of the SQL statements about users and registrations. */
import {
  and,
  desc,
  eq,
  inArray,
  isNotNull,
  isNull,
  ne,
  type Placeholder,
  type SQL,
  type SQLWrapper,
  sql,
} from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { storeAnonymising } from "../followups/consequences.ts";
import type { User } from "./user.ts";

/**
 * Whether a user is only an unproved registration: its address is not verified, and no person has used a link for the
 * address, logged in, or ended the sessions. The owner of the address replaces such a user. An account that lost its
 * verification does not count, because the loss began a new session epoch.
 */
export const isBareRegistration = and(
  eq(users.isVerified, false),
  // The plus sign keeps SQLite from using the index on this column, because very many users have no link.
  isNull(sql`+${users.verifiedByLink}`),
  isNull(users.lastLoginAt),
  eq(users.sessionEpoch, 0),
);

/** Compares usernames without regard to case. The indexes are on the same expression. */
export const hasUsername = (table: typeof users | typeof registrations, canonicalUsername: string | Placeholder) =>
  eq(sql`lower(${table.username})`, canonicalUsername);

/**
 * Begins the user's next session epoch, which ends the user's sessions. Only the session with the id `kept` continues:
 * the one in which the user requested the change.
 */
export function nextEpoch(kept: string | null = null) {
  return { sessionEpoch: sql`${users.sessionEpoch} + 1`, keptSessionId: kept };
}

/** The next `updatedAt`. It always increases, so that no two states of a user have the same version. */
export function nextVersion(now: number) {
  return sql`max(${now}, ${users.updatedAt} + 1)`;
}

/** Whether an operator still has the role and the flags that were read when the request was authenticated. */
export function stillHasStanding({ id, role, isSuperuser }: User) {
  return sql`EXISTS (SELECT 1 FROM ${users} AS actor WHERE actor.id = ${id} AND actor.role = ${role} AND actor.is_superuser = ${isSuperuser ? 1 : 0} AND actor.is_active = 1 AND actor.is_verified = 1)`;
}

/** The ids of the rows that meet a condition. */
export function idsOf(db: Database, table: typeof users | typeof registrations, condition: SQL | undefined) {
  return db.select({ id: table.id }).from(table).where(condition);
}

/**
 * Whether a user is a superuser. The 1 is part of the SQL text, because SQLite does not use a partial index for a bound
 * value.
 */
export const isSuperuser = sql`${users.isSuperuser} = 1`;

/** Selects the rows in which a column has a value or, if `value` is false, has none. For the filters of lists. */
export function isSet(column: SQLWrapper, value: boolean) {
  return value ? isNotNull(column) : isNull(column);
}

/** Superusers other than `id` who can log in. If there are none, the superuser `id` can't be removed. */
export function otherSuperusers(db: Database, id: string) {
  return idsOf(
    db,
    users,
    and(isSuperuser, eq(users.isActive, true), eq(users.isVerified, true), ne(users.id, id)),
  ).limit(1);
}

/**
 * The statements that delete users who meet a condition, and store a follow-up that removes personal data from their
 * audit events.
 */
export function dropUsers(db: Database, condition: SQL | undefined, now: number) {
  return {
    anonymise: storeAnonymising(db, idsOf(db, users, condition), now),
    drop: db.delete(users).where(condition),
  };
}

/**
 * If the user of an address meets a condition, this statement deletes the registration with the user's username. Other
 * registrations of the address stay until they expire, so that the people who made them notice no change.
 */
export function spendRegistration(db: Database, email: string | SQL, condition: SQL | undefined) {
  const username = db
    .select({ username: sql`lower(${users.username})` })
    .from(users)
    .where(condition);
  return db
    .delete(registrations)
    .where(and(eq(registrations.email, email), inArray(sql`lower(${registrations.username})`, username)));
}

export function selectUser(db: Database, condition: SQL) {
  return db.select().from(users).where(condition);
}

export function selectRegistration(db: Database, condition: SQL) {
  // If several registrations are from the same time, takes the one that was stored last. The index contains the rowid,
  // so SQLite need not sort.
  return db
    .select()
    .from(registrations)
    .where(condition)
    .orderBy(desc(registrations.createdAt), desc(sql`rowid`))
    .limit(1);
}
