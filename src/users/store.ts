/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { and, eq, gt, inArray, isNull, ne, notExists, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, retiredUsernames, users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/store.ts";
import { usernameDigest } from "./retired-usernames.ts";
import type { User } from "./user.ts";

/** A user, if there is one, and the version of the keyring at that moment. */
export interface UserReading {
  user: User | undefined;
  keyringVersion: string;
}

/** The fields that a user changes about themselves; `null` clears one. */
export type ProfileChange = Partial<Pick<User, "username" | "firstName" | "lastName" | "phone" | "locale">>;

export type ProfileUpdate = { outcome: "updated"; user: User } | { outcome: "username_taken" | "changed_meanwhile" };

export interface UserStore {
  findById(id: string): Promise<UserReading>;
  /** Whether another superuser than this one could log in. */
  hasOtherSuperuser(id: string): Promise<boolean>;
  /**
   * Changes a profile, unless the username is somebody else's or, where a version (`updatedAt`) is expected,
   * the user is another one by now.
   */
  updateProfile(id: string, change: ProfileChange, now: number, version?: number): Promise<ProfileUpdate>;
  /**
   * Sets another password and begins the next epoch, unless the user's epoch has moved on meanwhile. Says
   * whether it was set.
   */
  changePassword(id: string, epoch: number, passwordHash: string, now: number): Promise<boolean>;
  /**
   * As {@link UserStore.changePassword} on the word of the address, which is thereby verified.
   * No link of a registration that waits for it is good any more.
   */
  resetPassword(user: Pick<User, "id" | "email" | "sessionEpoch">, passwordHash: string, now: number): Promise<boolean>;
  /** Lets the password work no more where nobody has logged in before. Says whether it did until now. */
  blockPassword(user: Pick<User, "id" | "sessionEpoch">, now: number): Promise<boolean>;
  /**
   * Keeps the time of a login and, where the hash has not changed meanwhile, its replacement. `false` where
   * the user is no more, is disabled, or began another epoch meanwhile.
   */
  recordLogin(
    user: Pick<User, "id" | "sessionEpoch">,
    now: number,
    rehash?: { from: string; to: string },
  ): Promise<boolean>;
}

/**
 * Nobody but a registration that was never proved: whoever proves the address takes its place, and it lapses.
 * An account that was somebody's once and is unverified now is not meant: what took its verification moved its epoch.
 */
export const isBareRegistration = and(
  eq(users.isVerified, false),
  isNull(users.verifiedByLink),
  isNull(users.lastLoginAt),
  eq(users.sessionEpoch, 0),
);

/** The next `updatedAt`: moves on in every case, so that no two states of a user have one version. */
export function nextVersion(now: number) {
  return sql`max(${now}, ${users.updatedAt} + 1)`;
}

/** Whether somebody still is what they were when they were asked who they are, and may do what they may. */
export function stillStands({ id, role, isSuperuser }: User) {
  return sql`EXISTS (SELECT 1 FROM ${users} AS actor WHERE actor.id = ${id} AND actor.role = ${role} AND actor.is_superuser = ${isSuperuser ? 1 : 0} AND actor.is_active = 1 AND actor.is_verified = 1)`;
}

/** Superusers other than this one who can log in: while there is none, this one stays. */
export function otherSuperusers(db: Database, id: string) {
  return db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.isSuperuser, true), eq(users.isActive, true), eq(users.isVerified, true), ne(users.id, id)))
    .limit(1);
}

/** The username where it was a deleted account's not long ago. */
export function retiredUsername(db: Database, username: string, now: number) {
  return db
    .select({ digest: retiredUsernames.digest })
    .from(retiredUsernames)
    .where(and(eq(retiredUsernames.digest, usernameDigest(username)), gt(retiredUsernames.retiredUntil, now)));
}

export function createUserStore(db: Database): UserStore {
  return {
    async findById(id) {
      const [[user], [keyring]] = await db.batch([
        db.select().from(users).where(eq(users.id, id)),
        selectKeyringVersion(db),
      ]);
      return { user, keyringVersion: keyring?.version ?? "" };
    },

    async hasOtherSuperuser(id) {
      return (await otherSuperusers(db, id)).length > 0;
    },

    async updateProfile(id, change, now, version) {
      const username = change.username?.toLowerCase() ?? "";
      const others = db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(sql`lower(${users.username})`, username), ne(users.id, id)));
      const waiting = db
        .select({ id: registrations.id })
        .from(registrations)
        .where(eq(sql`lower(${registrations.username})`, username));
      const retired = retiredUsername(db, username, now);
      const isExpected = version === undefined ? eq(users.id, id) : and(eq(users.id, id), eq(users.updatedAt, version));
      const [takenByUser, takenByRegistration, takenByNobody, [updated]] = await db.batch([
        others,
        waiting,
        retired,
        db
          .update(users)
          .set({ ...change, updatedAt: nextVersion(now) })
          .where(and(isExpected, notExists(others), notExists(waiting), notExists(retired)))
          .returning(),
      ]);
      if (updated !== undefined) return { outcome: "updated", user: updated };
      const isTaken = [takenByUser, takenByRegistration, takenByNobody].some((found) => found.length > 0);
      return { outcome: isTaken ? "username_taken" : "changed_meanwhile" };
    },

    async changePassword(id, epoch, passwordHash, now) {
      const changed = await db
        .update(users)
        .set({ passwordHash, passwordBlockedAt: null, sessionEpoch: epoch + 1, updatedAt: nextVersion(now) })
        .where(and(eq(users.id, id), eq(users.sessionEpoch, epoch)))
        .returning({ id: users.id });
      return changed.length > 0;
    },

    async resetPassword({ id, email, sessionEpoch }, passwordHash, now) {
      const isReset = and(
        eq(users.id, id),
        eq(users.sessionEpoch, sessionEpoch + 1),
        eq(users.passwordHash, passwordHash),
      );
      const [, , reset] = await db.batch([
        db
          .update(users)
          .set({
            passwordHash,
            passwordBlockedAt: null,
            sessionEpoch: sessionEpoch + 1,
            isVerified: true,
            updatedAt: nextVersion(now),
          })
          .where(and(eq(users.id, id), eq(users.email, email), eq(users.sessionEpoch, sessionEpoch))),
        // The user's own registration is spent. Others wait on in vain, so that nobody learns of this.
        db.delete(registrations).where(
          and(
            eq(registrations.email, email),
            inArray(
              sql`lower(${registrations.username})`,
              db
                .select({ username: sql`lower(${users.username})` })
                .from(users)
                .where(isReset),
            ),
          ),
        ),
        db.select({ id: users.id }).from(users).where(isReset),
      ]);
      return reset.length > 0;
    },

    async blockPassword({ id, sessionEpoch }, now) {
      const blocked = await db
        .update(users)
        .set({ passwordBlockedAt: now })
        .where(and(eq(users.id, id), eq(users.sessionEpoch, sessionEpoch), isNull(users.passwordBlockedAt)))
        .returning({ id: users.id });
      return blocked.length > 0;
    },

    async recordLogin({ id, sessionEpoch }, now, rehash) {
      const hash =
        rehash === undefined
          ? {}
          : {
              passwordHash: sql`CASE WHEN ${users.passwordHash} = ${rehash.from} THEN ${rehash.to} ELSE ${users.passwordHash} END`,
            };
      const recorded = await db
        .update(users)
        .set({ lastLoginAt: now, ...hash })
        .where(and(eq(users.id, id), eq(users.isActive, true), eq(users.sessionEpoch, sessionEpoch)))
        .returning({ id: users.id });
      return recorded.length > 0;
    },
  };
}
