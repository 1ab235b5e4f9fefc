/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { and, eq, inArray, isNull, lte, ne, type SQL, sql } from "drizzle-orm";
import type { LimitRule } from "../config/limit-rules.ts";
import { batchOf, type Database } from "../db/client.ts";
import { profileColumnNames, registrations, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { selectKeyringVersion } from "../keys/signing-key-rows.ts";
import { attemptTerms } from "../limits/gcra.ts";
import { recordOf } from "../platform/records.ts";
import type { User } from "./user.ts";

export type UserStore = ReturnType<typeof createUserStore>;

/**
 * A user who is only a registration that was never proved. The owner of the address replaces it. An account that lost
 * its verification does not count, because the loss began a new session epoch.
 */
export const isBareRegistration = and(
  eq(users.isVerified, false),
  // The plus sign keeps SQLite from looking up the many users without a link in an index.
  isNull(sql`+${users.verifiedByLink}`),
  isNull(users.lastLoginAt),
  eq(users.sessionEpoch, 0),
);

/** Compares usernames without regard to case. The indexes are on the same expression. */
export const hasUsername = (table: typeof users | typeof registrations, canonicalUsername: string) =>
  eq(sql`lower(${table.username})`, canonicalUsername);

/**
 * Begins the user's next session epoch. This ends every session except `kept`, the id of the session in which the user
 * requested the change.
 */
export function nextEpoch(kept: string | null = null) {
  return { sessionEpoch: sql`${users.sessionEpoch} + 1`, keptSessionId: kept };
}

/** The next `updatedAt`. Always moves on, so that no two states of a user have the same version. */
export function nextVersion(now: number) {
  return sql`max(${now}, ${users.updatedAt} + 1)`;
}

/** Whether an operator still has the role and the flags that were read when the request was authenticated. */
export function stillHasStanding({ id, role, isSuperuser }: User) {
  return sql`EXISTS (SELECT 1 FROM ${users} AS actor WHERE actor.id = ${id} AND actor.role = ${role} AND actor.is_superuser = ${isSuperuser ? 1 : 0} AND actor.is_active = 1 AND actor.is_verified = 1)`;
}

/** The ids of the rows that meet a condition. */
export function idsOf(db: Database, table: typeof users | typeof registrations, condition: SQL | undefined) {
  return db.select({ id: table.id }).from(table).where(condition);
}

/** The user who owns an address. An account that was only registered and never verified does not count. */
export function ownerOf(db: Database, email: string) {
  return idsOf(db, users, and(eq(users.email, email), sql`NOT (${isBareRegistration})`));
}

/** Other superusers who can log in. While there are none, this one can't be removed. */
export function otherSuperusers(db: Database, id: string) {
  return idsOf(
    db,
    users,
    and(eq(users.isSuperuser, true), eq(users.isActive, true), eq(users.isVerified, true), ne(users.id, id)),
  ).limit(1);
}

/** What a login takes from the user's budget, and whether there is enough left. */
function loginBudget(rule: LimitRule, now: number) {
  const { cost, latest } = attemptTerms(rule, now);
  const next = sql<number>`max(${users.loginsUntil}, ${now}) + ${cost}`;
  return { taken: { loginsUntil: next }, isLeft: lte(next, latest) };
}

export function createUserStore(db: Database) {
  const selectUser = (id: string) => db.select().from(users).where(eq(users.id, id));
  return {
    async find(id: string) {
      const [user] = await selectUser(id);
      return user;
    },

    /** As `find`, with what a check of the user's access token needs to know. */
    async findWithKeyringVersion(id: string) {
      const { found, keyring } = await batchOf(db, { found: selectUser(id), keyring: selectKeyringVersion(db) });
      return { user: found[0], keyringVersion: keyring[0]?.version ?? "" };
    },

    /**
     * Sets another password and begins the next epoch, which only the session `keptSessionId` outlives. Returns the
     * changed user, or `undefined` if the user's epoch has moved on meanwhile.
     */
    async changePassword(
      { id, sessionEpoch }: Pick<User, "id" | "sessionEpoch">,
      { passwordHash, keptSessionId }: { passwordHash: string; keptSessionId: string },
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const { changed } = await batchOf(db, {
        changed: db
          .update(users)
          .set({ passwordHash, passwordBlockedAt: null, ...nextEpoch(keptSessionId), updatedAt: nextVersion(now) })
          .where(and(eq(users.id, id), eq(users.sessionEpoch, sessionEpoch)))
          .returning(),
        ...storing(db, consequences),
      });
      return changed[0];
    },

    /**
     * As `changePassword`, for a user who has proved the address, which becomes verified. No session outlives it. Links
     * of registrations that wait for the address stop working. A registration that was never proved loses its profile.
     */
    async resetPassword(
      { id, email, sessionEpoch }: Pick<User, "id" | "email" | "sessionEpoch">,
      passwordHash: string,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const isReset = and(
        eq(users.id, id),
        eq(users.sessionEpoch, sessionEpoch + 1),
        eq(users.passwordHash, passwordHash),
      );
      const { reset } = await batchOf(db, {
        reset: db
          .update(users)
          .set({
            passwordHash,
            // What a registration said about its writer, who did not prove the address.
            ...recordOf(profileColumnNames, (column) => sql`iif(${isBareRegistration}, NULL, ${users[column]})`),
            passwordBlockedAt: null,
            ...nextEpoch(),
            isVerified: true,
            loginsUntil: 0,
            updatedAt: nextVersion(now),
          })
          .where(and(eq(users.id, id), eq(users.email, email), eq(users.sessionEpoch, sessionEpoch)))
          .returning(),
        ...storing(db, consequences),
        // The user's own registration is spent. Others keep waiting in vain: their owners must not learn of this.
        spendRegistration: db.delete(registrations).where(
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
      });
      return reset[0];
    },

    /** From now on the password works only where its owner has logged in before. `false` if it was so already. */
    async blockPassword(
      { id, sessionEpoch }: Pick<User, "id" | "sessionEpoch">,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const { blocked } = await batchOf(db, {
        blocked: db
          .update(users)
          .set({ passwordBlockedAt: now })
          .where(and(eq(users.id, id), eq(users.sessionEpoch, sessionEpoch), isNull(users.passwordBlockedAt)))
          .returning({ id: users.id }),
        ...storing(db, consequences),
      });
      return blocked.length > 0;
    },

    /**
     * Stores the time of a login and, if the password hash has not changed meanwhile, its replacement. Takes the login
     * from the user's budget, if `rule` is given. `false` if the user was deleted or disabled, if their session epoch
     * has changed meanwhile, or if other logins have used up the budget.
     */
    async recordLogin(
      { id, sessionEpoch }: Pick<User, "id" | "sessionEpoch">,
      rehash: { from: string; to: string } | undefined,
      { consequences, now, rule }: { consequences: Consequences; now: number; rule?: LimitRule | undefined },
    ) {
      const budget = rule === undefined ? undefined : loginBudget(rule, now);
      const hash =
        rehash === undefined
          ? {}
          : {
              passwordHash: sql`CASE WHEN ${users.passwordHash} = ${rehash.from} THEN ${rehash.to} ELSE ${users.passwordHash} END`,
            };
      const { recorded } = await batchOf(db, {
        recorded: db
          .update(users)
          .set({ lastLoginAt: now, ...hash, ...budget?.taken })
          .where(and(eq(users.id, id), eq(users.isActive, true), eq(users.sessionEpoch, sessionEpoch), budget?.isLeft))
          .returning({ id: users.id }),
        ...storing(db, consequences),
      });
      return recorded.length > 0;
    },
  };
}
