/**
 * Registrations in D1, and how a registration becomes a user. A registration waits until its link is used or expires.
 * The first registration of an address also makes an unverified user. Further registrations of the address make no
 * user. Every change is one batch, which D1 runs as a transaction.
 */
import { and, eq, exists, inArray, lt, notExists, or, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { profileColumnNames, registrations, users } from "../db/schema.ts";
import { type Consequences, storeAnonymising, storing } from "../followups/consequences.ts";
import { recordOf } from "../platform/records.ts";
import { findCandidates } from "./login-candidates.ts";
import { canonicalName, type LoginName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { Registration, User } from "./user.ts";
import {
  hasUsername,
  idsOf,
  isBareRegistration,
  nextVersion,
  selectRegistration,
  selectUser,
} from "./user-statements.ts";
import { retiredUsername, takeFromAbandoned, usernameOwner } from "./usernames.ts";

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
  /**
   * True if no registration waits for the user's address. While one waits, the user must not be deleted: the link of
   * the registration works only as long as the user exists.
   */
  const isNotWaitedFor = notExists(idsOf(db, registrations, eq(registrations.email, users.email)));
  return {
    findCandidates: (name: LoginName) => findCandidates(db, name),

    find(id: string) {
      const email = db.select({ email: registrations.email }).from(registrations).where(eq(registrations.id, id));
      return read(selectRegistration(db, eq(registrations.id, id)), selectUser(db, eq(users.email, email)));
    },

    findNewest: (email: string) =>
      read(selectRegistration(db, eq(registrations.email, email)), selectUser(db, eq(users.email, email))),

    /**
     * First deletes two sorts of registrations with the same username: registrations from before `expired`, and
     * `replaced`, which the same person made earlier. Then adds the registration, unless its username is taken. If
     * another registration holds the username, returns that registration as `heldBy`.
     */
    async add(
      registration: Registration,
      expired: number,
      consequences: Consequences,
      replaced?: Registration,
    ): Promise<{ isAdded: boolean; heldBy?: Registration | undefined }> {
      const { id, createdAt: now, email } = registration;
      const username = canonicalName(registration.username);
      const own = eq(registrations.id, id);
      const isAdded = exists(idsOf(db, registrations, own));
      const isPast = or(lt(registrations.createdAt, expired), eq(registrations.id, replaced?.id ?? ""));
      const { added, owner, retired, holder } = await batchOf(db, {
        owner: usernameOwner(db, username),
        retired: retiredUsername(db, username, now),
        dropPast: db.delete(registrations).where(and(hasUsername(registrations, username), isPast)),
        add: db.insert(registrations).values(registration).onConflictDoNothing(),
        dropIfTaken: db
          .delete(registrations)
          .where(and(own, or(exists(usernameOwner(db, username)), exists(retiredUsername(db, username, now))))),
        ...takeFromAbandoned(db, { username, email, isClaimed: isAdded, now }),
        addUser: db.insert(users).select(unverifiedUser(db, id)).onConflictDoNothing({ target: users.email }),
        ...storing(db, consequences, isAdded),
        added: idsOf(db, registrations, own),
        holder: selectRegistration(db, hasUsername(registrations, username)),
      });
      if (added.length > 0) return { isAdded: true };
      return { isAdded: false, heldBy: owner.length + retired.length > 0 ? undefined : holder[0] };
    },

    /**
     * Stores the profile of a registration that was sent again. Returns `false` if the registration no longer exists.
     */
    async repeat(
      { id, passwordHash }: Registration,
      profile: Profile & Pick<Registration, "locale">,
      consequences: Consequences,
    ): Promise<boolean> {
      const { repeated } = await batchOf(db, {
        repeated: db
          .update(registrations)
          .set(profile)
          .where(and(eq(registrations.id, id), eq(registrations.passwordHash, passwordHash)))
          .returning({ id: registrations.id }),
        ...storing(db, consequences),
      });
      return repeated.length > 0;
    },

    /**
     * Uses up the link of a registration. `link` is the hash of the link. The credentials of the registration become
     * the user's. Returns the user whom this very link verified, either now (`isFirst`) or before, or `undefined` if
     * there is no such user.
     */
    async verify(id: string, link: string, { consequences, now }: { consequences: Consequences; now: number }) {
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
        ...storing(db, consequences),
        // Other registrations stay until they expire, so that the people who made them notice no change.
        spend: db.delete(registrations).where(and(eq(registrations.id, id), exists(verifiedUser))),
        user: verifiedUser,
      });
      return { user: user[0], isFirst: verified.length > 0 };
    },

    /**
     * Deletes up to `most` registrations that are older than `before`, and up to `most` users who are only an unproved
     * registration. Returns whether there may be more to delete.
     */
    async deleteStale(before: number, { most, now }: { most: number; now: number }) {
      const old = idsOf(db, registrations, lt(registrations.createdAt, before)).limit(most);
      // A literal 0, because SQLite does not use a partial index for a bound value. Users of the same time are also
      // sorted by id, so that both statements that use `stale` select the same users.
      const isUnproved = and(sql`${users.isVerified} = 0`, isBareRegistration);
      const stale = idsOf(db, users, and(isUnproved, lt(users.createdAt, before), isNotWaitedFor))
        .orderBy(users.createdAt, users.id)
        .limit(most);
      const deleted = await batchOf(db, {
        registrations: db
          .delete(registrations)
          .where(inArray(registrations.id, old))
          .returning({ id: registrations.id }),
        events: storeAnonymising(db, stale, now),
        users: db.delete(users).where(inArray(users.id, stale)).returning({ id: users.id }),
      });
      return deleted.registrations.length === most || deleted.users.length === most;
    },
  };
}

/**
 * Selects the user that a registration makes. Drizzle refuses the statement if a column of the table is missing here.
 */
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
      keptSessionId: sql`NULL`.as("kept_session_id"),
      passwordBlockedAt: sql`NULL`.as("password_blocked_at"),
      loginsUntil: sql`0`.as("logins_until"),
      locale: registrations.locale,
      verifiedByLink: sql`NULL`.as("verified_by_link"),
      secondFactorSince: sql`NULL`.as("second_factor_since"),
      secondFactorDemandedAt: sql`NULL`.as("second_factor_demanded_at"),
      factorKey: sql`NULL`.as("factor_key"),
      importedFactors: sql`NULL`.as("imported_factors"),
      userHandle: sql`NULL`.as("user_handle"),
      createdAt: registrations.createdAt,
      updatedAt: sql`${registrations.createdAt}`.as("updated_at"),
      lastLoginAt: sql`NULL`.as("last_login_at"),
    })
    .from(registrations)
    .where(eq(registrations.id, id));
}
