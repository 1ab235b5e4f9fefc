/**
 * Who holds an email address: a user who has proved that they own it, or a registration whose link was never used. Such
 * an unproved registration loses the address to a user who proves that they own the address.
 */
import { and, eq, exists, ne, notExists, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import type { Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { dropUsers, idsOf, isBareRegistration, nextVersion } from "./user-statements.ts";

/** The user who owns an address. An account that was only registered and never verified does not count. */
export function ownerOf(db: Database, email: string | SQL, condition?: SQL) {
  return idsOf(db, users, and(eq(users.email, email), sql`NOT (${isBareRegistration})`, condition));
}

/** A user other than `userId` who has the address, proved or not. */
export function otherHolder(db: Database, email: string, userId: string) {
  return idsOf(db, users, and(eq(users.email, email), ne(users.id, userId)));
}

/**
 * The statements that give a user an address if `change` selects a row and no other account has the address. First,
 * they delete an unproved registration of the address. The last statement returns the changed user.
 */
export function giveAddress(
  db: Database,
  { id, email, ...values }: SQLiteUpdateSetSource<typeof users> & { id: string; email: string },
  change: SQLWrapper,
  now: number,
) {
  const isRegistered = and(eq(users.email, email), ne(users.id, id), isBareRegistration, exists(change));
  return {
    ...dropUsers(db, isRegistered, now),
    changed: db
      .update(users)
      .set({ email, ...values, isVerified: true, updatedAt: nextVersion(now) })
      .where(and(eq(users.id, id), exists(change), notExists(otherHolder(db, email, id))))
      .returning(),
  };
}
