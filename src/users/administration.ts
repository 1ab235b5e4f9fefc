/** Users as operators list and change them in D1. Every change is one batch, which also checks that it is still allowed. */
import { and, desc, eq, exists, gte, lt, or, type SQLWrapper, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { registrations, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { emailPrefixes } from "../platform/email-address.ts";
import { refuse } from "../platform/refusal.ts";
import { canonicalName, type LoginName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { hasUsername, idsOf, nextEpoch, nextVersion, otherSuperusers, stillHasStanding } from "./users.ts";

/** `prefix`: how the email or the username begins, ignoring case. */
interface UserFilter {
  prefix?: string | undefined;
  role?: User["role"] | undefined;
  isActive?: boolean | undefined;
  isVerified?: boolean | undefined;
}

/** The fields that only operators change. */
type OperatorFields = Pick<User, "role" | "isActive" | "isVerified" | "isSuperuser">;

type OperatorChange = Partial<Profile & OperatorFields & Pick<User, "passwordHash">>;

interface Update {
  actor: User;
  target: User;
  change: OperatorChange;
  endsSessions: boolean;
}

export type UserAdministration = ReturnType<typeof createUserAdministration>;

/** Sorts after every text that begins with the prefix it is appended to. */
const LAST = "\u{10ffff}";

export function createUserAdministration(db: Database) {
  /** Deletes the registration that an account was made of, once that account is verified and has no password. */
  const spendRegistration = ({ id, email, username }: User) => {
    const isVerified = and(eq(users.id, id), eq(users.isVerified, true), eq(users.passwordHash, NO_PASSWORD));
    return db
      .delete(registrations)
      .where(
        and(
          eq(registrations.email, email),
          hasUsername(registrations, canonicalName(username)),
          exists(idsOf(db, users, isVerified)),
        ),
      );
  };

  return {
    /** The user with this email or username. */
    async lookUp(name: LoginName): Promise<User | undefined> {
      const isNamed = "email" in name ? eq(users.email, name.email) : hasUsername(users, name.username);
      const [user] = await db.select().from(users).where(isNamed);
      return user;
    },

    /**
     * Newest first, by the time of creation and the id; only users after the place `after`. Without a prefix, an index
     * gives this order. With a prefix, every user whom it matches is read and sorted.
     */
    async list(
      { prefix, role, isActive, isVerified }: UserFilter,
      { limit, after }: { limit: number; after?: { createdAt: number; id: string } | undefined },
    ) {
      const start = canonicalName(prefix ?? "");
      const name = sql`lower(${users.username})`;
      const emailBegins = emailPrefixes(prefix ?? "").map((email) =>
        and(gte(users.email, email), lt(users.email, email + LAST)),
      );
      // The prefix is looked up in an index, the rest only filters: the plus sign keeps SQLite from using their indexes.
      const passedOver = (column: SQLWrapper) => (start === "" ? sql`${column}` : sql`+${column}`);
      const [createdAt, id] = [passedOver(users.createdAt), passedOver(users.id)];
      return db
        .select()
        .from(users)
        .where(
          and(
            // Ranges instead of LIKE: both use an index, and no character of the prefix is a wildcard.
            start === ""
              ? undefined
              : or(...emailBegins, and(sql`${name} >= ${start}`, sql`${name} < ${start + LAST}`)),
            role === undefined ? undefined : hasRole(passedOver(users.role), role),
            isActive === undefined ? undefined : isFlag(passedOver(users.isActive), isActive),
            isVerified === undefined ? undefined : isFlag(passedOver(users.isVerified), isVerified),
            after === undefined ? undefined : sql`(${createdAt}, ${id}) < (${after.createdAt}, ${after.id})`,
          ),
        )
        .orderBy(desc(createdAt), desc(id))
        .limit(limit);
    },

    /**
     * Changes a user who has not changed since they were read, if the operator still has the standing that was read,
     * and unless no superuser would be left who can log in.
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
        ...(change.passwordHash === undefined ? {} : { spent: spendRegistration(target) }),
        others,
      });
      const [user] = found.updated;
      if (user !== undefined) return user;
      const isLast = weakens && target.isSuperuser && found.others.length === 0;
      return refuse(isLast ? "last_superuser" : "precondition_failed");
    },
  };
}

/** Written out, because SQLite uses an index with a condition only if the query names the same condition. */
function isFlag(column: SQLWrapper, value: boolean) {
  return value ? sql`${column} = 1` : sql`${column} = 0`;
}

/** As {@link isFlag}. Most users have the role `user`, so only the others are in the index. */
function hasRole(column: SQLWrapper, role: User["role"]) {
  return role === "user" ? sql`${column} = 'user'` : sql`${column} = ${role} AND ${column} <> 'user'`;
}
