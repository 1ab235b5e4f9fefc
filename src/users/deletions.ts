/** Deletes a user from D1 with everything that belongs to them: one batch, which D1 runs as a transaction. */
import { and, eq, exists, lte, notExists, or } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { emailChanges, registrations, retiredUsernames, undeliveredEmails, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { refuse } from "../platform/refusal.ts";
import { spendInvitations } from "./invitations.ts";
import type { User } from "./user.ts";
import { idsOf, otherSuperusers, stillHasStanding } from "./user-statements.ts";
import { retireUsername } from "./usernames.ts";

export type DeletionStore = ReturnType<typeof createDeletionStore>;

export function createDeletionStore(db: Database) {
  return {
    /**
     * Deletes a user. Refuses if the user has changed since they were read, if the actor has lost the role that was
     * read, or if the user is the last superuser who can log in. Until `retiredUntil`, in milliseconds since the epoch,
     * no account can take the username.
     */
    async delete(
      user: User,
      actor: User,
      { consequences, retiredUntil }: { consequences: Consequences; retiredUntil: number },
    ) {
      const others = otherSuperusers(db, user.id);
      const deletable = idsOf(
        db,
        users,
        and(
          eq(users.id, user.id),
          eq(users.email, user.email),
          eq(users.username, user.username),
          eq(users.sessionEpoch, user.sessionEpoch),
          eq(users.role, user.role),
          eq(users.isSuperuser, user.isSuperuser),
          or(eq(users.isSuperuser, false), exists(others)),
          stillHasStanding(actor),
        ),
      );
      const remaining = idsOf(db, users, eq(users.id, user.id));
      const isDeleted = notExists(remaining);
      const { deleted, remainingOthers } = await batchOf(db, {
        retire: retireUsername(db, user, retiredUntil, exists(deletable)),
        deleted: db
          .delete(users)
          .where(and(eq(users.id, user.id), exists(deletable)))
          .returning({ id: users.id }),
        ...storing(db, consequences),
        registrations: db.delete(registrations).where(and(eq(registrations.email, user.email), isDeleted)),
        emailChanges: db.delete(emailChanges).where(and(eq(emailChanges.userId, user.id), isDeleted)),
        invitations: spendInvitations(db, user.email, isDeleted),
        undelivered: db.delete(undeliveredEmails).where(and(eq(undeliveredEmails.recipient, user.email), isDeleted)),
        remainingOthers: others,
      });
      if (deleted.length > 0) return undefined;
      return refuse(user.isSuperuser && remainingOthers.length === 0 ? "last_superuser" : "precondition_failed");
    },

    /** Releases up to `most` usernames whose retirement has ended. Returns whether there may be more. */
    releaseUsernames: (now: number, most: number) =>
      deleteSome(db, retiredUsernames, {
        key: retiredUsernames.digest,
        condition: lte(retiredUsernames.retiredUntil, now),
        most,
      }),
  };
}
