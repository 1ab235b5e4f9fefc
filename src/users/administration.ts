/** How operators list and change users in D1. The batch of each change checks that the change is still allowed. */
import { and, desc, eq, exists, or, type SQLWrapper, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { refuse } from "../platform/refusal.ts";
import type { LoginName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { UserFilter } from "./search.ts";
import type { User } from "./user.ts";
import {
  hasUsername,
  isSet,
  nextEpoch,
  nextVersion,
  otherSuperusers,
  spendRegistration,
  stillHasStanding,
} from "./user-statements.ts";

/** The fields that only operators change. */
type OperatorFields = Pick<User, "role" | "isActive" | "isVerified" | "isSuperuser">;

type OperatorChange = Partial<Profile & OperatorFields & Pick<User, "passwordHash" | "secondFactorDemandedAt">>;

interface Update {
  actor: User;
  target: User;
  change: OperatorChange;
  endsSessions: boolean;
}

/** A position before every user in the list. As the default of `after`, it selects the first page. */
const FIRST = { createdAt: Number.MAX_SAFE_INTEGER, id: "" };

export type UserAdministration = ReturnType<typeof createUserAdministration>;

export function createUserAdministration(db: Database) {
  return {
    /** The user with this email or username. */
    async lookUp(name: LoginName): Promise<User | undefined> {
      const isNamed = "email" in name ? eq(users.email, name.email) : hasUsername(users, name.username);
      const [user] = await db.select().from(users).where(isNamed);
      return user;
    },

    /** Lists users, newest first, by the time of creation and the id. Begins after the position `after`. */
    async list(
      { role, isActive, isVerified, hasSecondFactor }: UserFilter,
      { limit, after = FIRST }: { limit: number; after?: { createdAt: number; id: string } | undefined },
    ) {
      return db
        .select()
        .from(users)
        .where(
          and(
            role === undefined ? undefined : hasRole(role),
            isActive === undefined ? undefined : isFlag(users.isActive, isActive),
            isVerified === undefined ? undefined : isFlag(users.isVerified, isVerified),
            hasSecondFactor === undefined ? undefined : isSet(users.secondFactorSince, hasSecondFactor),
            sql`(${users.createdAt}, ${users.id}) < (${after.createdAt}, ${after.id})`,
          ),
        )
        .orderBy(desc(users.createdAt), desc(users.id))
        .limit(limit);
    },

    /** Fills the user's budget of successful logins again (`loginsPerUser`). */
    async refillLogins(id: string): Promise<void> {
      await db.update(users).set({ loginsUntil: 0 }).where(eq(users.id, id));
    },

    /**
     * Changes a user. Refuses if the user has changed since they were read, if the operator no longer has the role or
     * flag that was read, or if no superuser who can log in would be left.
     */
    async update(
      { actor, target, change, endsSessions }: Update,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const others = otherSuperusers(db, target.id);
      const weakens = change.isSuperuser === false || change.isActive === false || change.isVerified === false;
      const isSpare = or(
        eq(users.isSuperuser, false),
        eq(users.isActive, false),
        eq(users.isVerified, false),
        exists(others),
      );
      /** After the update, the account is verified and has no password. */
      const hasNoPassword = and(
        eq(users.id, target.id),
        eq(users.isVerified, true),
        eq(users.passwordHash, NO_PASSWORD),
      );
      const found = await batchOf(db, {
        updated: db
          .update(users)
          .set({
            ...change,
            ...(endsSessions ? nextEpoch() : {}),
            updatedAt: nextVersion(now),
          })
          .where(
            and(
              eq(users.id, target.id),
              eq(users.updatedAt, target.updatedAt),
              stillHasStanding(actor),
              weakens ? isSpare : undefined,
            ),
          )
          .returning(),
        ...storing(db, consequences),
        ...(change.passwordHash === undefined ? {} : { spent: spendRegistration(db, target.email, hasNoPassword) }),
        others,
      });
      const [user] = found.updated;
      if (user !== undefined) return user;
      const isLast = weakens && target.isSuperuser && found.others.length === 0;
      return refuse(isLast ? "last_superuser" : "precondition_failed");
    },
  };
}

/**
 * The value is part of the SQL text and not a bound value: SQLite uses a partial index only if the query contains the
 * index's condition.
 */
function isFlag(column: SQLWrapper, value: boolean) {
  return value ? sql`${column} = 1` : sql`${column} = 0`;
}

/**
 * The role is part of the SQL text for the same reason as in `isFlag`. The index leaves out the role `user`, which most
 * users have, so a query for another role repeats the index's condition.
 */
function hasRole(role: User["role"]) {
  return role === "user" ? sql`${users.role} = 'user'` : sql`${users.role} = ${role} AND ${users.role} <> 'user'`;
}
