/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/store.ts";
import type { User } from "./user.ts";

/** A user, if there is one, and the version of the keyring at that moment. */
export interface UserReading {
  user: User | undefined;
  keyringVersion: string;
}

export interface UserStore {
  findById(id: string): Promise<UserReading>;
  /**
   * Sets another password and begins the next epoch, unless the user's epoch has moved on meanwhile. Says
   * whether it was set.
   */
  changePassword(id: string, epoch: number, passwordHash: string, now: number): Promise<boolean>;
  /**
   * As {@link UserStore.changePassword} on the word of the address, which is thereby verified: whatever else
   * was registered for it goes.
   */
  resetPassword(user: Pick<User, "id" | "email" | "sessionEpoch">, passwordHash: string, now: number): Promise<boolean>;
  /** Keeps the time of a login and, where the hash has not changed meanwhile, its replacement. */
  recordLogin(id: string, now: number, rehash?: { from: string; to: string }): Promise<void>;
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

    async changePassword(id, epoch, passwordHash, now) {
      const changed = await db
        .update(users)
        .set({ passwordHash, sessionEpoch: epoch + 1, updatedAt: now })
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
          .set({ passwordHash, sessionEpoch: sessionEpoch + 1, isVerified: true, updatedAt: now })
          .where(and(eq(users.id, id), eq(users.email, email), eq(users.sessionEpoch, sessionEpoch))),
        db
          .delete(registrations)
          .where(inArray(registrations.email, db.select({ email: users.email }).from(users).where(isReset))),
        db.select({ id: users.id }).from(users).where(isReset),
      ]);
      return reset.length > 0;
    },

    async recordLogin(id, now, rehash) {
      const hash =
        rehash === undefined
          ? {}
          : {
              passwordHash: sql`CASE WHEN ${users.passwordHash} = ${rehash.from} THEN ${rehash.to} ELSE ${users.passwordHash} END`,
            };
      await db
        .update(users)
        .set({ lastLoginAt: now, ...hash })
        .where(eq(users.id, id));
    },
  };
}
