/** Deleting a user from D1, with everything there that is theirs: one batch, which D1 runs as a transaction. */
import { and, eq, exists, lte, notExists, or, sql } from "drizzle-orm";
import { anonymiseEvents } from "../audit/store.ts";
import type { Database } from "../db/client.ts";
import { emailChanges, registrations, retiredUsernames, users } from "../db/schema.ts";
import { usernameDigest } from "./retired-usernames.ts";
import { otherSuperusers, stillStands } from "./store.ts";
import type { User } from "./user.ts";

export type Deletion = "deleted" | "last_superuser" | "changed_meanwhile";

export interface DeletionStore {
  /**
   * Deletes a user who is still as they were read, by somebody who still is what they were, unless the user is
   * the last superuser who can log in. Nobody bears the username until `retiredUntil`, in milliseconds since the
   * epoch.
   */
  delete(user: User, actor: User, retiredUntil: number): Promise<Deletion>;
  /** Lets usernames be borne again whose time is over. */
  releaseUsernames(now: number): Promise<void>;
}

export function createDeletionStore(db: Database): DeletionStore {
  return {
    async delete(user, actor, retiredUntil) {
      const others = otherSuperusers(db, user.id);
      const deletable = db
        .select({ id: users.id })
        .from(users)
        .where(
          and(
            eq(users.id, user.id),
            eq(users.email, user.email),
            eq(users.username, user.username),
            eq(users.sessionEpoch, user.sessionEpoch),
            eq(users.role, user.role),
            eq(users.isSuperuser, user.isSuperuser),
            or(eq(users.isSuperuser, false), exists(others)),
            stillStands(actor),
          ),
        );
      const digest = usernameDigest(user.username);
      const remaining = db.select({ id: users.id }).from(users).where(eq(users.id, user.id));
      const isDeleted = notExists(remaining);
      const [, , deleted, , , leftOthers] = await db.batch([
        db
          .insert(retiredUsernames)
          .select(
            db
              .select({ digest: sql`${digest}`.as("digest"), retiredUntil: sql`${retiredUntil}`.as("retired_until") })
              .from(users)
              .where(and(eq(users.id, user.id), exists(deletable))),
          )
          .onConflictDoUpdate({ target: retiredUsernames.digest, set: { retiredUntil } }),
        anonymiseEvents(db, deletable),
        db
          .delete(users)
          .where(and(eq(users.id, user.id), exists(deletable)))
          .returning({ id: users.id }),
        db.delete(registrations).where(and(eq(registrations.email, user.email), isDeleted)),
        db.delete(emailChanges).where(and(eq(emailChanges.userId, user.id), isDeleted)),
        others,
      ]);
      if (deleted.length > 0) return "deleted";
      return user.isSuperuser && leftOthers.length === 0 ? "last_superuser" : "changed_meanwhile";
    },

    async releaseUsernames(now) {
      await db.delete(retiredUsernames).where(lte(retiredUsernames.retiredUntil, now));
    },
  };
}
