/**
 * How an invitation becomes a user. Invitations are not stored: an invitation is a signed link. The `users` table shows
 * whether it is used: the address has an owner, or the link's hash is stored there.
 */
import { and, eq, exists, notExists, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { refuse } from "../platform/refusal.ts";
import { usernameTaken } from "./fields.ts";
import { canonicalName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { retiredUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";
import { hasUsername, idsOf, isBareRegistration, nextVersion } from "./users.ts";

/** What the invited person chose, and the hash of the link that they used. */
type Acceptance = Pick<User, "id" | "email" | "username" | "passwordHash" | "locale"> & Profile & { link: string };

export type InvitationStore = ReturnType<typeof createInvitationStore>;

export function createInvitationStore(db: Database) {
  const owner = (email: string) => idsOf(db, users, and(eq(users.email, email), sql`NOT (${isBareRegistration})`));
  const madeBy = (link: string) => idsOf(db, users, eq(users.verifiedByLink, link));

  return {
    /** Whether the address has an owner. An account that was only registered and never verified does not count. */
    async isOwned(email: string) {
      return (await owner(email)).length > 0;
    },

    /** Whether an invitation for the address is spent: the address has an owner, or this very link made a user. */
    async isUsed(email: string, link: string) {
      const { owners, made } = await batchOf(db, { owners: owner(email), made: madeBy(link) });
      return owners.length > 0 || made.length > 0;
    },

    /**
     * Makes the invited person a verified user, in place of a registration of the address that was never proved.
     * Registrations of other addresses give up the username.
     */
    async accept(
      { id, link, ...chosen }: Acceptance,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const { email, passwordHash } = chosen;
      const username = canonicalName(chosen.username);
      const retired = retiredUsername(db, username, now);
      const isAcceptable = and(
        notExists(owner(email)),
        notExists(madeBy(link)),
        notExists(usernameOwner(db, username)),
        notExists(retired),
      );
      const accepted = idsOf(
        db,
        users,
        and(eq(users.email, email), eq(users.passwordHash, passwordHash), eq(users.verifiedByLink, link)),
      );
      const { user, owners, made } = await batchOf(db, {
        // Other registrations of the address stay until they expire, so that the people who made them notice no change.
        spend: db
          .delete(registrations)
          .where(and(eq(registrations.email, email), hasUsername(registrations, username), isAcceptable)),
        ...takeFromUnproved(db, username, isAcceptable),
        // Address, username and link are unique: nothing is inserted if one of them is in use.
        insert: db
          .insert(users)
          .values({ id, ...chosen, isVerified: true, verifiedByLink: link, createdAt: now, updatedAt: now })
          .onConflictDoNothing(),
        dropIfRetired: db.delete(users).where(and(eq(users.id, id), exists(retired))),
        replaceBareRegistration: db
          .update(users)
          .set({ ...chosen, isVerified: true, verifiedByLink: link, updatedAt: nextVersion(now) })
          .where(and(eq(users.email, email), isAcceptable)),
        ...storing(db, consequences, exists(accepted)),
        user: accepted,
        owners: owner(email),
        made: madeBy(link),
      });
      if (user[0] !== undefined) return { userId: user[0].id };
      return owners.length > 0 || made.length > 0 ? refuse("invitation_used") : usernameTaken();
    },
  };
}
