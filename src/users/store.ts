/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { and, eq, gt, lt, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { reservedUsernames, users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/store.ts";
import type { User } from "./user.ts";

/** A user, if there is one, and the version of the keyring at that moment. */
export interface UserReading {
  user: User | undefined;
  keyringVersion: string;
}

export type NewUser = Pick<
  User,
  "id" | "email" | "username" | "passwordHash" | "firstName" | "lastName" | "phone" | "createdAt"
>;

export type Registration = { outcome: "created" | "email_known"; userId: string } | { outcome: "username_taken" };

export interface UserStore {
  findById(id: string): Promise<UserReading>;
  findByEmail(email: string): Promise<UserReading>;
  /** Without regard to case. */
  findByUsername(username: string): Promise<UserReading>;
  /**
   * Adds an unverified user. Where the address already has an account nothing of it changes, but the
   * username is reserved until `reservedUntil`, so that trying it again tells nobody which case it was.
   */
  register(user: NewUser, reservedUntil: number): Promise<Registration>;
  /**
   * Marks the address as verified by a link, given as its hash, unless it is verified already.
   * `known` says whether this very link did it, now or before.
   */
  verifyEmail(id: string, email: string, link: string, now: number): Promise<{ verified: boolean }>;
  /** Keeps the time of a login and, where the hash has not changed meanwhile, its replacement. */
  recordLogin(id: string, now: number, rehash?: { from: string; to: string }): Promise<void>;
  /** Deletes accounts that nobody verified since, and reservations that have run out. */
  deleteStale(unverifiedSince: number, now: number): Promise<void>;
}

export function createUserStore(db: Database): UserStore {
  const read = async (condition: ReturnType<typeof eq>): Promise<UserReading> => {
    const [[user], [keyring]] = await db.batch([db.select().from(users).where(condition), selectKeyringVersion(db)]);
    return { user, keyringVersion: keyring?.version ?? "" };
  };
  const hasUsername = (username: string) => eq(sql`lower(${users.username})`, username.toLowerCase());

  return {
    findById: (id) => read(eq(users.id, id)),
    findByEmail: (email) => read(eq(users.email, email)),
    findByUsername: (username) => read(hasUsername(username)),

    async register(user, reservedUntil) {
      const username = user.username.toLowerCase();
      const bearers = db.select({ id: users.id }).from(users).where(hasUsername(username));
      const reservations = db
        .select({ username: reservedUsernames.username })
        .from(reservedUsernames)
        .where(and(eq(reservedUsernames.username, username), gt(reservedUsernames.expiresAt, user.createdAt)));
      const owners = db.select({ id: users.id }).from(users).where(eq(users.email, user.email));

      const [taken, reserved, known] = await db.batch([
        bearers,
        reservations,
        owners,
        db.insert(users).select(
          sql`SELECT ${user.id}, ${user.email}, ${user.username}, ${user.passwordHash}, ${user.firstName}, ${user.lastName},
            ${user.phone}, 'user', 1, 0, 0, NULL, ${user.createdAt}, ${user.createdAt}, NULL
            WHERE NOT EXISTS ${bearers} AND NOT EXISTS ${reservations} AND NOT EXISTS ${owners}`,
        ),
        db
          .insert(reservedUsernames)
          .select(sql`SELECT ${username}, ${reservedUntil} WHERE NOT EXISTS ${bearers}`)
          .onConflictDoUpdate({
            target: reservedUsernames.username,
            set: { expiresAt: reservedUntil },
            setWhere: lt(reservedUsernames.expiresAt, user.createdAt),
          }),
      ]);
      if (taken.length > 0 || reserved.length > 0) return { outcome: "username_taken" };
      const [owner] = known;
      return owner === undefined
        ? { outcome: "created", userId: user.id }
        : { outcome: "email_known", userId: owner.id };
    },

    async verifyEmail(id, email, link, now) {
      const isOwner = and(eq(users.id, id), eq(users.email, email));
      const [, [user]] = await db.batch([
        db
          .update(users)
          .set({ isVerified: true, verifiedByLink: link, updatedAt: now })
          .where(and(isOwner, eq(users.isVerified, false))),
        db.select({ link: users.verifiedByLink }).from(users).where(isOwner),
      ]);
      return { verified: user?.link === link };
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

    async deleteStale(unverifiedSince, now) {
      await db.batch([
        db.delete(users).where(and(eq(users.isVerified, false), lt(users.createdAt, unverifiedSince))),
        db.delete(reservedUsernames).where(lt(reservedUsernames.expiresAt, now)),
      ]);
    },
  };
}
