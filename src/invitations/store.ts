/**
 * How an invitation becomes a user. Invitations themselves are nowhere: what was mailed is a sealed link. Who has the
 * address already, and whom a link has made a user, is read off the users.
 */
import { and, eq, exists, gte, lt, ne, notExists, or, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { isBareRegistration, nextVersion, retiredUsername } from "../users/store.ts";
import type { User } from "../users/user.ts";

/** What whoever was invited chose, and the hash of the link that they used. */
export type Acceptance = Pick<
  User,
  "id" | "email" | "username" | "passwordHash" | "firstName" | "lastName" | "phone" | "locale"
> & { link: string };

export type Accepted = { outcome: "accepted"; userId: string } | { outcome: "used" } | { outcome: "username_taken" };

export interface InvitationStore {
  /** Whether the address is somebody's: more than a registration that was never proved. */
  isOwned(email: string): Promise<boolean>;
  /** Whether an invitation for the address is good no more: it is somebody's, or this very link made a user. */
  isUsed(email: string, link: string): Promise<boolean>;
  /**
   * Makes whoever was invited a verified user, in place of whoever registered the address and never proved it. Whoever
   * registered a username before `expired` has it no longer.
   */
  accept(acceptance: Acceptance, now: number, expired: number): Promise<Accepted>;
}

export function createInvitationStore(db: Database): InvitationStore {
  const owner = (email: string) =>
    db
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.email, email), sql`NOT (${isBareRegistration})`));
  const madeBy = (link: string) => db.select({ id: users.id }).from(users).where(eq(users.verifiedByLink, link));

  return {
    async isOwned(email) {
      return (await owner(email)).length > 0;
    },

    async isUsed(email, link) {
      const [owners, made] = await db.batch([owner(email), madeBy(link)]);
      return owners.length > 0 || made.length > 0;
    },

    async accept({ id, link, ...chosen }, now, expired) {
      const { email, passwordHash } = chosen;
      const username = chosen.username.toLowerCase();
      const bearsUsername = eq(sql`lower(${users.username})`, username);
      const hasRegistered = eq(sql`lower(${registrations.username})`, username);
      const bearer = db
        .select({ id: users.id })
        .from(users)
        .where(and(bearsUsername, ne(users.email, email)));
      // One of this address is the invited person's, or was made in vain.
      const waiting = db
        .select({ id: registrations.id })
        .from(registrations)
        .where(and(hasRegistered, ne(registrations.email, email), gte(registrations.createdAt, expired)));
      const retired = retiredUsername(db, username, now);
      const accepted = db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.email, email), eq(users.passwordHash, passwordHash), eq(users.verifiedByLink, link)));
      const [, , , , , [user], owners, made] = await db.batch([
        db.delete(registrations).where(and(hasRegistered, lt(registrations.createdAt, expired))),
        // Where nobody has the address, nor the username, nor has used the link: each of the three is unique.
        db
          .insert(users)
          .values({ id, ...chosen, isVerified: true, verifiedByLink: link, createdAt: now, updatedAt: now })
          .onConflictDoNothing(),
        db.delete(users).where(and(eq(users.id, id), or(exists(waiting), exists(retired)))),
        db
          .update(users)
          .set({ ...chosen, isVerified: true, verifiedByLink: link, updatedAt: nextVersion(now) })
          .where(
            and(
              eq(users.email, email),
              isBareRegistration,
              notExists(bearer),
              notExists(waiting),
              notExists(retired),
              notExists(madeBy(link)),
            ),
          ),
        // The others of the address wait on in vain, so that whoever made them does not learn of this.
        db.delete(registrations).where(and(eq(registrations.email, email), hasRegistered, exists(accepted))),
        accepted,
        owner(email),
        madeBy(link),
      ]);
      if (user !== undefined) return { outcome: "accepted", userId: user.id };
      return { outcome: owners.length > 0 || made.length > 0 ? "used" : "username_taken" };
    },
  };
}
