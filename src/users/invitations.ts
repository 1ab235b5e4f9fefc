/**
 * How an invitation becomes a user. An invitation is a signed link and is not stored. The `users` table shows whether
 * it was used: its address has an owner, or a user has the hash of its link.
 */
import { and, eq, exists, notExists, or } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { refuse } from "../platform/refusal.ts";
import { ownerOf } from "./addresses.ts";
import { usernameTaken } from "./fields.ts";
import { anySuperuser } from "./first-superuser.ts";
import { canonicalName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { hasUsername, idsOf, nextVersion } from "./user-statements.ts";
import { retiredUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";

/** What the invited person chose, and the hash of the link that they used. */
type Acceptance = Pick<User, "id" | "email" | "username" | "passwordHash" | "locale"> & Profile & { link: string };

export type InvitationStore = ReturnType<typeof createInvitationStore>;

export function createInvitationStore(db: Database) {
  const madeBy = (link: string) => idsOf(db, users, eq(users.verifiedByLink, link));

  return {
    /** Whether the address has an owner. */
    async isOwned(email: string) {
      return (await ownerOf(db, email)).length > 0;
    },

    /**
     * Whether an invitation for the address is used up: the address has an owner, or this very link made a user. An
     * invitation that `makesFirstSuperuser` is also used up as soon as there is a superuser.
     */
    async isUsed(email: string, link: string, makesFirstSuperuser: boolean) {
      const { owners, made, superusers } = await batchOf(db, {
        owners: ownerOf(db, email),
        made: madeBy(link),
        superusers: makesFirstSuperuser ? anySuperuser(db) : madeBy(link),
      });
      return owners.length + made.length + superusers.length > 0;
    },

    /**
     * Makes the invited person a verified user. If the address only has a registration that was never proved, the user
     * replaces it. Registrations of other addresses give up the username. With `makesFirstSuperuser` the user becomes a
     * superuser, but nothing happens if there already is one.
     */
    async accept(
      { id, link, ...chosen }: Acceptance,
      {
        consequences,
        makesFirstSuperuser,
        now,
      }: { consequences: Consequences; makesFirstSuperuser: boolean; now: number },
    ) {
      const { email, passwordHash } = chosen;
      const rank = makesFirstSuperuser ? ({ role: "admin", isSuperuser: true } as const) : {};
      const username = canonicalName(chosen.username);
      const retired = retiredUsername(db, username, now);
      const otherSuperuser = makesFirstSuperuser ? anySuperuser(db, id) : undefined;
      const isAcceptable = and(
        otherSuperuser && notExists(otherSuperuser),
        notExists(ownerOf(db, email)),
        notExists(madeBy(link)),
        notExists(usernameOwner(db, username)),
        notExists(retired),
      );
      const accepted = idsOf(
        db,
        users,
        and(eq(users.email, email), eq(users.passwordHash, passwordHash), eq(users.verifiedByLink, link)),
      );
      const { user, owners, made, others } = await batchOf(db, {
        // Other registrations of the address stay until they expire, so that the people who made them notice no change.
        spend: db
          .delete(registrations)
          .where(and(eq(registrations.email, email), hasUsername(registrations, username), isAcceptable)),
        ...takeFromUnproved(db, username, isAcceptable),
        // If the address, the username or the link is in use, nothing is inserted, because all three are unique.
        insert: db
          .insert(users)
          .values({ id, ...chosen, ...rank, isVerified: true, verifiedByLink: link, createdAt: now, updatedAt: now })
          .onConflictDoNothing(),
        dropIfRefused: db
          .delete(users)
          .where(and(eq(users.id, id), or(exists(retired), otherSuperuser && exists(otherSuperuser)))),
        replaceBareRegistration: db
          .update(users)
          .set({ ...chosen, ...rank, isVerified: true, verifiedByLink: link, updatedAt: nextVersion(now) })
          .where(and(eq(users.email, email), isAcceptable)),
        ...storing(db, consequences, exists(accepted)),
        user: accepted,
        owners: ownerOf(db, email),
        made: madeBy(link),
        others: otherSuperuser ?? madeBy(link),
      });
      if (user[0] !== undefined) return { userId: user[0].id };
      return owners.length > 0 || made.length > 0 || others.length > 0 ? refuse("invitation_used") : usernameTaken();
    },
  };
}
