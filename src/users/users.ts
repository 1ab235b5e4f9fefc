/** Users in D1. Every change is one statement or one batch, which D1 runs as a transaction. */
import { and, eq, isNull, lte, or, sql } from "drizzle-orm";
import type { LimitRule } from "../config/limit-rules.ts";
import { batchOf, type Database, prepareOnce } from "../db/client.ts";
import { profileColumnNames, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { selectKeyringVersion } from "../keys/signing-key-rows.ts";
import { attemptTerms } from "../limits/gcra.ts";
import { recordOf } from "../platform/records.ts";
import type { User } from "./user.ts";
import { isBareRegistration, nextEpoch, nextVersion, spendRegistration } from "./user-statements.ts";

export type UserStore = ReturnType<typeof createUserStore>;

/** The values that take a login from the user's budget, and the condition that enough of the budget is left. */
function loginBudget(rule: LimitRule, now: number) {
  const { cost, latest } = attemptTerms(rule, now);
  const next = sql<number>`max(${users.loginsUntil}, ${now}) + ${cost}`;
  return { taken: { loginsUntil: next }, isLeft: lte(next, latest) };
}

const selectWithKeyringVersion = prepareOnce((db) =>
  db
    .select({ user: users, keyringVersion: sql<string>`${selectKeyringVersion(db)}` })
    .from(users)
    .where(eq(users.id, sql.placeholder("id"))),
);

/** The user handle of a passkey is the user's id or, for an imported passkey, the handle that the user's row stores. */
const selectByHandle = prepareOnce((db) =>
  db
    .select({ user: users, keyringVersion: sql<string>`${selectKeyringVersion(db)}` })
    .from(users)
    .where(or(eq(users.id, sql.placeholder("id")), eq(users.userHandle, sql.placeholder("handle"))))
    .limit(1),
);

export function createUserStore(db: Database) {
  const selectUser = (id: string) => db.select().from(users).where(eq(users.id, id));
  return {
    async find(id: string) {
      const [user] = await selectUser(id);
      return user;
    },

    /** Like `find`, but also returns the version of the signing keys. The check of an access token needs both. */
    async findWithKeyringVersion(id: string) {
      const [found] = await selectWithKeyringVersion(db, { id }).execute();
      return found ?? { user: undefined, keyringVersion: "" };
    },

    /** Like `findWithKeyringVersion`, by the user handle of a passkey: the user's id, or an imported handle. */
    async findByHandle(id: string | undefined, handle: string) {
      const [found] = await selectByHandle(db, { id: id ?? "", handle }).execute();
      return found ?? { user: undefined, keyringVersion: "" };
    },

    /**
     * Sets another password and begins the next session epoch, which ends all sessions but `keptSessionId`. Returns the
     * changed user, or `undefined` if the user's session epoch has changed meanwhile. With `version`, also returns
     * `undefined` if anything else about the user has changed.
     */
    async changePassword(
      { id, sessionEpoch }: Pick<User, "id" | "sessionEpoch">,
      { passwordHash, keptSessionId, version }: { passwordHash: string; keptSessionId: string; version?: number },
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const { changed } = await batchOf(db, {
        changed: db
          .update(users)
          .set({ passwordHash, passwordBlockedAt: null, ...nextEpoch(keptSessionId), updatedAt: nextVersion(now) })
          .where(
            and(
              eq(users.id, id),
              eq(users.sessionEpoch, sessionEpoch),
              version === undefined ? undefined : eq(users.updatedAt, version),
            ),
          )
          .returning(),
        ...storing(db, consequences),
      });
      return changed[0];
    },

    /**
     * Sets another password for a user who has proved the address by a link, and marks the address as verified. Ends
     * all sessions. Links of registrations that wait for the address stop working. If the user was only an unproved
     * registration, removes its profile. Returns the changed user, or `undefined` if the address or the session epoch
     * has changed meanwhile.
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
            // The profile of an unproved registration is about the person who wrote it.
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
        spent: spendRegistration(db, email, isReset),
      });
      return reset[0];
    },

    /**
     * Makes the password work only on networks from which the user has logged in before. Returns `false` if the
     * password was blocked already, or if the session epoch has changed meanwhile.
     */
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
     * Stores the time of a login. Also stores `rehash`, if the password hash has not changed meanwhile. If `rule` is
     * given, takes the login from the user's budget. `demandedAt` is stored as the time from which the user must have a
     * second factor; `undefined` leaves that time unchanged. Returns `false` if the user was deleted or disabled, if
     * their session epoch has changed meanwhile, or if other logins have used up the budget.
     */
    async recordLogin(
      { id, sessionEpoch }: Pick<User, "id" | "sessionEpoch">,
      rehash: { from: string; to: string } | undefined,
      {
        consequences,
        now,
        rule,
        demandedAt,
      }: {
        consequences: Consequences;
        now: number;
        rule?: LimitRule | undefined;
        demandedAt?: number | null | undefined;
      },
    ) {
      const budget = rule === undefined ? undefined : loginBudget(rule, now);
      const hash =
        rehash === undefined
          ? {}
          : {
              passwordHash: sql`CASE WHEN ${users.passwordHash} = ${rehash.from} THEN ${rehash.to} ELSE ${users.passwordHash} END`,
            };
      const demand = demandedAt === undefined ? {} : { secondFactorDemandedAt: demandedAt };
      const { recorded } = await batchOf(db, {
        recorded: db
          .update(users)
          .set({ lastLoginAt: now, ...hash, ...budget?.taken, ...demand })
          .where(and(eq(users.id, id), eq(users.isActive, true), eq(users.sessionEpoch, sessionEpoch), budget?.isLeft))
          .returning({ id: users.id }),
        ...storing(db, consequences),
      });
      return recorded.length > 0;
    },

    /** Stores `now` as the time from which the user must have a second factor, unless a time is stored already. */
    async noteFactorDemand(id: string, now: number): Promise<void> {
      await db
        .update(users)
        .set({ secondFactorDemandedAt: now })
        .where(and(eq(users.id, id), isNull(users.secondFactorDemandedAt)));
    },
  };
}
