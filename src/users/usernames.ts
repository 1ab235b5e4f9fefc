/**
 * Who holds a username: a proved user, a waiting registration or, for a while, a deleted account. A proved user is any
 * user that is not just an unproved registration (see `isBareRegistration`). A proved user takes the name from unproved
 * registrations, which continue to wait under a made-up name.
 */
import { and, eq, gt, ne, notExists, type SQL, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, retiredUsernames, users } from "../db/schema.ts";
import { usernameDigest } from "./login-names.ts";
import { dropUsers, hasUsername, idsOf, isBareRegistration } from "./user-statements.ts";

/**
 * A made-up username. The database makes one for each row, because a statement can change many rows. It is random, so
 * that no attacker can take it beforehand.
 */
const MADE_UP = sql`'user-' || lower(hex(randomblob(6)))`;

/** The proved user who has the username, unless it is the user `except`. */
export function usernameOwner(db: Database, username: string, except = "") {
  return idsOf(db, users, and(hasUsername(users, username), ne(users.id, except), sql`NOT (${isBareRegistration})`));
}

/**
 * Selects a row if a deleted account had the username until recently. If a user only changed their name, others can
 * take the former name.
 */
export function retiredUsername(db: Database, username: string, now: number) {
  return db
    .select({ digest: retiredUsernames.digest })
    .from(retiredUsernames)
    .where(and(eq(retiredUsernames.digest, usernameDigest(username)), isRetired(now)));
}

/**
 * Whether a row of `retired_usernames` reserves its name: the retirement has not ended, and the former owner no longer
 * exists.
 */
export function isRetired(now: number) {
  const owner = sql`(SELECT 1 FROM ${users} AS former WHERE former.id = ${retiredUsernames.formerOwner})`;
  return and(gt(retiredUsernames.retiredUntil, now), sql`NOT EXISTS ${owner}`);
}

/**
 * The statements that take a username, or a list of usernames, from unproved registrations. Run them before the
 * statement that gives the username to its new holder. Pass the condition of that statement as `isClaimed`.
 */
export function takeFromUnproved(db: Database, name: string | SQL, isClaimed: SQL | undefined) {
  return {
    yieldingRegistrations: db
      .update(registrations)
      .set({ username: MADE_UP })
      .where(and(isNamed(registrations, name), isClaimed)),
    yieldingUsers: db
      .update(users)
      .set({ username: MADE_UP })
      // `IS TRUE` makes SQLite search by the name, and not for every user without a verified link.
      .where(and(isNamed(users, name), sql`((${isBareRegistration}) IS TRUE)`, isClaimed)),
  };
}

/**
 * The statements that take a username from unproved users of other addresses. They do this only if `isClaimed` is true:
 * then a new registration holds the username, so no other registration can hold it. Each such user is deleted or, if a
 * registration waits for the user's address, renamed.
 */
export function takeFromAbandoned(
  db: Database,
  { username, email, isClaimed, now }: { username: string; email: string; isClaimed: SQL; now: number },
) {
  const abandoned = and(hasUsername(users, username), ne(users.email, email), isBareRegistration, isClaimed);
  const waiting = idsOf(db, registrations, eq(registrations.email, users.email));
  return {
    ...dropUsers(db, and(abandoned, notExists(waiting)), now),
    rename: db.update(users).set({ username: MADE_UP }).where(abandoned),
  };
}

/**
 * The statement that retires a user's username if a condition holds. Run it before the user gives up the username. As
 * long as the account exists, others can take the name. If the account is deleted before `retiredUntil`, the name is
 * reserved until then.
 */
export function retireUsername(
  db: Database,
  { id, username }: { id: string; username: string },
  retiredUntil: number,
  condition: SQL | undefined,
) {
  return db
    .insert(retiredUsernames)
    .select(
      db
        .select({
          digest: sql`${usernameDigest(username)}`.as("digest"),
          retiredUntil: sql`${retiredUntil}`.as("retired_until"),
          formerOwner: users.id,
        })
        .from(users)
        .where(and(eq(users.id, id), condition)),
    )
    .onConflictDoUpdate({ target: retiredUsernames.digest, set: { retiredUntil, formerOwner: id } });
}

function isNamed(table: typeof users | typeof registrations, name: string | SQL): SQL {
  return typeof name === "string" ? hasUsername(table, name) : sql`lower(${table.username}) IN ${name}`;
}
