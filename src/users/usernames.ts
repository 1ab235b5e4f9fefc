/**
 * Who holds a username: a user who was proved, a registration that waits, or a former owner for a while. A proved claim
 * takes a name from registrations that were never proved. They keep waiting under a made-up name.
 */
import { and, eq, gt, inArray, ne, notExists, type SQL, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, retiredUsernames, users } from "../db/schema.ts";
import { storeAnonymising } from "../followups/consequences.ts";
import { formerOwnerDigest, usernameDigest } from "./login-names.ts";
import { hasUsername, idsOf, isBareRegistration } from "./users.ts";

/**
 * A made-up username for each row that is changed. The database draws it, because a statement can change many rows. It
 * is random, so that no attacker can take it before.
 */
const MADE_UP = sql`'user-' || lower(hex(randomblob(6)))`;

/** The proved user who has the username, unless it is the user `except`. */
export function usernameOwner(db: Database, username: string, except = "") {
  return idsOf(db, users, and(hasUsername(users, username), ne(users.id, except), sql`NOT (${isBareRegistration})`));
}

/** The username, if it is retired. `formerOwner` is a user who may take back a username of their own. */
export function retiredUsername(db: Database, username: string, now: number, formerOwner?: string) {
  const isRetired = (digest: string) =>
    and(eq(retiredUsernames.digest, digest), gt(retiredUsernames.retiredUntil, now));
  const rowsOf = (condition: SQL | undefined) =>
    db.select({ digest: retiredUsernames.digest }).from(retiredUsernames).where(condition);
  if (formerOwner === undefined) return rowsOf(isRetired(usernameDigest(username)));
  const own = sql`EXISTS (SELECT 1 FROM retired_usernames AS own WHERE own.digest = ${formerOwnerDigest(username, formerOwner)} AND own.retired_until > ${now})`;
  return rowsOf(and(isRetired(usernameDigest(username)), sql`NOT ${own}`));
}

/**
 * The statements that take a username, or a list of them, from registrations that were never proved. They belong before
 * the statement that gives it to the claimant. `isClaimed` says whether it will.
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
      // `IS TRUE` makes SQLite look the name up, instead of every user whom no link has verified.
      .where(and(isNamed(users, name), sql`((${isBareRegistration}) IS TRUE)`, isClaimed)),
  };
}

/**
 * The statements that take a username from unproved users of other addresses whose registration of it is gone. Such a
 * user goes too, unless another registration waits for their address.
 */
export function takeFromAbandoned(
  db: Database,
  { username, email, isClaimed, now }: { username: string; email: string; isClaimed: SQL; now: number },
) {
  const abandoned = and(hasUsername(users, username), ne(users.email, email), isBareRegistration, isClaimed);
  const waiting = db.select({ id: registrations.id }).from(registrations).where(eq(registrations.email, users.email));
  const gone = and(abandoned, notExists(waiting));
  return {
    anonymise: storeAnonymising(db, idsOf(db, users, gone), now),
    drop: db.delete(users).where(gone),
    rename: db.update(users).set({ username: MADE_UP }).where(abandoned),
  };
}

/**
 * The statements that retire the username of a user who is about to leave it, if a condition holds. Until then, only
 * that user can take it back.
 */
export function retireUsername(
  db: Database,
  { id, username }: { id: string; username: string },
  retiredUntil: number,
  condition: SQL | undefined,
) {
  const retire = (digest: string) =>
    db
      .insert(retiredUsernames)
      .select(
        db
          .select({ digest: sql`${digest}`.as("digest"), retiredUntil: sql`${retiredUntil}`.as("retired_until") })
          .from(users)
          .where(and(eq(users.id, id), condition)),
      )
      .onConflictDoUpdate({ target: retiredUsernames.digest, set: { retiredUntil } });
  return { retire: retire(usernameDigest(username)), remember: retire(formerOwnerDigest(username, id)) };
}

/** The statement that ends the retirement of a username that its former owner takes back. */
export function takeBackUsername(db: Database, { id, username }: { id: string; username: string }, condition: SQL) {
  const digests = [usernameDigest(username), formerOwnerDigest(username, id)];
  return db.delete(retiredUsernames).where(and(inArray(retiredUsernames.digest, digests), condition));
}

function isNamed(table: typeof users | typeof registrations, name: string | SQL): SQL {
  return typeof name === "string" ? hasUsername(table, name) : sql`lower(${table.username}) IN ${name}`;
}
