/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { eq, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/store.ts";
import type { User } from "./user.ts";

/** A user, if there is one, and the version of the keyring at that moment. */
export interface UserReading {
  user: User | undefined;
  keyringVersion: string;
}

export interface UserStore {
  findById(id: string): Promise<UserReading>;
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
