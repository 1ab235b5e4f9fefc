/**
 * Registrations in D1, and how one becomes a user. The first registration of an address also makes an unverified user;
 * each further one waits beside it. Every change is one batch, which D1 runs as a transaction.
 */
import { and, desc, eq, exists, lt, notInArray, or, sql } from "drizzle-orm";
import { anonymiseEvents } from "../audit/audit-events.ts";
import { batchOf, type Database } from "../db/client.ts";
import { profileColumnNames, registrations, users } from "../db/schema.ts";
import { selectKeyringVersion } from "../keys/signing-key-rows.ts";
import { recordOf } from "../platform/records.ts";
import { usernameTaken } from "./fields.ts";
import { canonicalName, type LoginName } from "./login-names.ts";
import type { User } from "./user.ts";
import { hasUsername, idsOf, isBareRegistration, nextVersion, retiredUsername } from "./users.ts";

export type Registration = typeof registrations.$inferSelect;

/** Whom a login may mean: a user, a registration that waits under the same name, both, or neither. */
export interface LoginCandidates {
  user: User | undefined;
  registration: Registration | undefined;
  keyringVersion: string;
}

/** A registration and the user of its address. */
export interface RegistrationReading {
  registration: Registration | undefined;
  user: User | undefined;
}

export type RegistrationStore = ReturnType<typeof createRegistrationStore>;

export function createRegistrationStore(db: Database) {
  const read = async (registration: ReturnType<typeof selectRegistration>, user: ReturnType<typeof selectUser>) => {
    const found = await batchOf(db, { registration, user });
    return { registration: found.registration[0], user: found.user[0] };
  };
  /** A registration that still waits needs its user when its link is used. */
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
    async findCandidates(name: LoginName) {
      const isNamed = (table: typeof users | typeof registrations) =>
        "email" in name ? eq(table.email, name.email) : hasUsername(table, name.username);
      const { user, registration, keyring } = await batchOf(db, {
        user: selectUser(isNamed(users)),
        registration: selectRegistration(isNamed(registrations)),
        keyring: selectKeyringVersion(db),
      });
      return { user: user[0], registration: registration[0], keyringVersion: keyring[0]?.version ?? "" };
    },

    find(id: string) {
      const email = db.select({ email: registrations.email }).from(registrations).where(eq(registrations.id, id));
      return read(selectRegistration(eq(registrations.id, id)), selectUser(eq(users.email, email)));
    },

    findNewest: (email: string) =>
      read(selectRegistration(eq(registrations.email, email)), selectUser(eq(users.email, email))),

    /**
     * Adds a registration, unless its username is taken. Registrations from before `expired` no longer hold one.
     * Returns the user of the address, if any, and whether they have proved it.
     */
    async add(registration: Registration, expired: number) {
      const { id, email } = registration;
      const username = canonicalName(registration.username);
      const own = eq(registrations.id, id);
      const owner = idsOf(db, users, hasUsername(users, username));
      const { added, user } = await batchOf(db, {
        dropExpired: db
          .delete(registrations)
          .where(and(hasUsername(registrations, username), lt(registrations.createdAt, expired))),
        add: db.insert(registrations).values(registration).onConflictDoNothing(),
        dropIfTaken: db
          .delete(registrations)
          .where(and(own, or(exists(owner), exists(retiredUsername(db, username, registration.createdAt))))),
        addUser: db.insert(users).select(unverifiedUser(db, id)).onConflictDoNothing({ target: users.email }),
        added: idsOf(db, registrations, own),
        user: selectUser(eq(users.email, email)),
      });
      if (added.length === 0) return usernameTaken();
      return { userId: user[0]?.id, isOwned: user[0]?.isVerified ?? false };
    },

    /** Deletes a registration, and its user if no other registration waits for the address. */
    async withdraw(id: string) {
      await batchOf(db, {
        registration: db.delete(registrations).where(eq(registrations.id, id)),
        user: db.delete(users).where(and(eq(users.id, id), isBareRegistration, isNotWaitedFor)),
      });
    },

    /**
     * Spends a registration's link, known by its hash: its credentials become the user's. Returns the user whom this
     * very link verified, now (`isFirst`) or before.
     */
    async verify(id: string, link: string, now: number) {
      const verifiedUser = db
        .select({ id: users.id, email: users.email, username: users.username })
        .from(users)
        .where(and(eq(users.verifiedByLink, link), eq(users.isVerified, true)));
      const { verified, user } = await batchOf(db, {
        verified: db
          .update(users)
          .set({
            username: sql`${registrations.username}`,
            passwordHash: sql`${registrations.passwordHash}`,
            ...recordOf(profileColumnNames, (column) => sql`${registrations[column]}`),
            locale: sql`${registrations.locale}`,
            isVerified: true,
            verifiedByLink: link,
            updatedAt: nextVersion(now),
          })
          .from(registrations)
          .where(and(eq(registrations.id, id), eq(users.email, registrations.email), isBareRegistration))
          .returning({ id: users.id }),
        // Other registrations stay until they expire, so that the people who made them notice no change.
        spend: db.delete(registrations).where(and(eq(registrations.id, id), exists(verifiedUser))),
        user: verifiedUser,
      });
      return { user: user[0], isFirst: verified.length > 0 };
    },

    /** Deletes registrations from before this time, and users who were never more than a registration. */
    async deleteStale(before: number) {
      const stale = and(isBareRegistration, lt(users.createdAt, before), isNotWaitedFor);
      await batchOf(db, {
        registrations: db.delete(registrations).where(lt(registrations.createdAt, before)),
        events: anonymiseEvents(db, idsOf(db, users, stale)),
        users: db.delete(users).where(stale),
      });
    },
  };
}

/** The user that a registration makes. Drizzle refuses the statement if a column of the table is missing here. */
function unverifiedUser(db: Database, id: string) {
  return db
    .select({
      id: registrations.id,
      email: registrations.email,
      username: registrations.username,
      passwordHash: registrations.passwordHash,
      ...recordOf(profileColumnNames, (column) => registrations[column]),
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
