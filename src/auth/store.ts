/**
 * Registrations in D1, and how one becomes a user. The first registration of an address makes an
 * unverified user too; each further one waits beside it. Every change is one batch, which D1 runs as a
 * transaction.
 */
import { and, desc, eq, exists, lt, notInArray, or, sql } from "drizzle-orm";
import { anonymiseEvents } from "../audit/store.ts";
import type { Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/store.ts";
import { isBareRegistration, nextVersion, retiredUsername } from "../users/store.ts";
import type { User } from "../users/user.ts";

export type Registration = typeof registrations.$inferSelect;

/** By what somebody logs in: lower-case. */
export type LoginName = { email: string } | { username: string };

/** Whom a login may mean: a user, a registration that waits under the same name, both or neither. */
export interface LoginCandidates {
  user: User | undefined;
  registration: Registration | undefined;
  keyringVersion: string;
}

export type Registered =
  | { outcome: "waiting"; userId: string | undefined }
  /** The address has a verified owner. */
  | { outcome: "owned"; userId: string }
  | { outcome: "username_taken" };

/** A registration and the user of its address. */
export interface RegistrationReading {
  registration: Registration | undefined;
  user: User | undefined;
}

/** Whom a link verified, by the names that they log in by. */
export type VerifiedUser = Pick<User, "id" | "email" | "username">;

export interface RegistrationStore {
  findCandidates(name: LoginName): Promise<LoginCandidates>;
  find(id: string): Promise<RegistrationReading>;
  findNewest(email: string): Promise<RegistrationReading>;
  findUser(id: string): Promise<User | undefined>;
  /** Adds a registration unless somebody has its username. Whoever registered before `expired` has it no longer. */
  add(registration: Registration, expired: number): Promise<Registered>;
  /** Takes a registration back, with the user that it alone made. */
  withdraw(id: string): Promise<void>;
  /**
   * Spends a registration's link, known by its hash: its credentials become the user's. Gives the user whom
   * this very link verified, now (`isFirst`) or before.
   */
  verify(id: string, link: string, now: number): Promise<{ user: VerifiedUser | undefined; isFirst: boolean }>;
  /** Deletes registrations made before then, and the users who were never anything else. */
  deleteStale(before: number): Promise<void>;
}

export function createRegistrationStore(db: Database): RegistrationStore {
  const read = async (registration: ReturnType<typeof selectRegistration>, user: ReturnType<typeof selectUser>) => {
    const [[foundRegistration], [foundUser]] = await db.batch([registration, user]);
    return { registration: foundRegistration, user: foundUser };
  };
  /** No registration of the user's address would find the user gone when its link is used. */
  const isNotWaitedFor = notInArray(users.email, db.select({ email: registrations.email }).from(registrations));
  const selectUser = (condition: ReturnType<typeof eq>) => db.select().from(users).where(condition);
  const selectRegistration = (condition: ReturnType<typeof eq>) =>
    db
      .select()
      .from(registrations)
      .where(condition)
      .orderBy(desc(registrations.createdAt), desc(registrations.id))
      .limit(1);

  return {
    async findCandidates(name) {
      const byUser = "email" in name ? eq(users.email, name.email) : eq(sql`lower(${users.username})`, name.username);
      const byRegistration =
        "email" in name
          ? eq(registrations.email, name.email)
          : eq(sql`lower(${registrations.username})`, name.username);
      const [[user], [registration], [keyring]] = await db.batch([
        selectUser(byUser),
        selectRegistration(byRegistration),
        selectKeyringVersion(db),
      ]);
      return { user, registration, keyringVersion: keyring?.version ?? "" };
    },

    find(id) {
      const email = db.select({ email: registrations.email }).from(registrations).where(eq(registrations.id, id));
      return read(selectRegistration(eq(registrations.id, id)), selectUser(eq(users.email, email)));
    },

    findNewest: (email) => read(selectRegistration(eq(registrations.email, email)), selectUser(eq(users.email, email))),

    async findUser(id) {
      const [user] = await selectUser(eq(users.id, id));
      return user;
    },

    async add(registration, expired) {
      const { id, email } = registration;
      const username = registration.username.toLowerCase();
      const own = eq(registrations.id, id);
      const bearer = db
        .select({ id: users.id })
        .from(users)
        .where(eq(sql`lower(${users.username})`, username));
      const [, , , , [added], [user]] = await db.batch([
        db
          .delete(registrations)
          .where(and(eq(sql`lower(${registrations.username})`, username), lt(registrations.createdAt, expired))),
        db.insert(registrations).values(registration).onConflictDoNothing(),
        db
          .delete(registrations)
          .where(and(own, or(exists(bearer), exists(retiredUsername(db, username, registration.createdAt))))),
        db.insert(users).select(unverifiedUser(db, id)).onConflictDoNothing({ target: users.email }),
        db.select({ id: registrations.id }).from(registrations).where(own),
        selectUser(eq(users.email, email)),
      ]);
      if (added === undefined) return { outcome: "username_taken" };
      return user?.isVerified ? { outcome: "owned", userId: user.id } : { outcome: "waiting", userId: user?.id };
    },

    async withdraw(id) {
      await db.batch([
        db.delete(registrations).where(eq(registrations.id, id)),
        db.delete(users).where(and(eq(users.id, id), isBareRegistration, isNotWaitedFor)),
      ]);
    },

    async verify(id, link, now) {
      const verifiedUser = db
        .select({ id: users.id, email: users.email, username: users.username })
        .from(users)
        .where(and(eq(users.verifiedByLink, link), eq(users.isVerified, true)));
      const [verifiedNow, , [user]] = await db.batch([
        db
          .update(users)
          .set({
            username: sql`${registrations.username}`,
            passwordHash: sql`${registrations.passwordHash}`,
            firstName: sql`${registrations.firstName}`,
            lastName: sql`${registrations.lastName}`,
            phone: sql`${registrations.phone}`,
            locale: sql`${registrations.locale}`,
            isVerified: true,
            verifiedByLink: link,
            updatedAt: nextVersion(now),
          })
          .from(registrations)
          .where(and(eq(registrations.id, id), eq(users.email, registrations.email), isBareRegistration))
          .returning({ id: users.id }),
        // The others wait on in vain, so that whoever made them does not learn of this.
        db.delete(registrations).where(and(eq(registrations.id, id), exists(verifiedUser))),
        verifiedUser,
      ]);
      return { user, isFirst: verifiedNow.length > 0 };
    },

    async deleteStale(before) {
      const stale = and(isBareRegistration, lt(users.createdAt, before), isNotWaitedFor);
      await db.batch([
        db.delete(registrations).where(lt(registrations.createdAt, before)),
        anonymiseEvents(db, db.select({ id: users.id }).from(users).where(stale)),
        db.delete(users).where(stale),
      ]);
    },
  };
}

/** The user that a registration makes. Drizzle refuses the statement where a column of the table is missing here. */
function unverifiedUser(db: Database, id: string) {
  return db
    .select({
      id: registrations.id,
      email: registrations.email,
      username: registrations.username,
      passwordHash: registrations.passwordHash,
      firstName: registrations.firstName,
      lastName: registrations.lastName,
      phone: registrations.phone,
      role: sql`'user'`.as("role"),
      isActive: sql`1`.as("is_active"),
      isVerified: sql`0`.as("is_verified"),
      isSuperuser: sql`0`.as("is_superuser"),
      sessionEpoch: sql`0`.as("session_epoch"),
      passwordBlockedAt: sql`NULL`.as("password_blocked_at"),
      locale: registrations.locale,
      verifiedByLink: sql`NULL`.as("verified_by_link"),
      createdAt: registrations.createdAt,
      updatedAt: sql`${registrations.createdAt}`.as("updated_at"),
      lastLoginAt: sql`NULL`.as("last_login_at"),
    })
    .from(registrations)
    .where(eq(registrations.id, id));
}
