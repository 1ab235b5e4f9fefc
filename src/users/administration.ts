/** Users as operators list and change them in D1. Every change is one batch, which also checks that it is still allowed. */
import { and, desc, eq, exists, gte, lt, or, type SQLWrapper, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { refuse } from "../platform/refusal.ts";
import { canonicalName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { isBareRegistration, nextVersion, otherSuperusers, stillHasStanding } from "./users.ts";

/** `prefix`: how the email or the username begins, ignoring case. */
interface UserFilter {
  prefix?: string | undefined;
  role?: User["role"] | undefined;
  isActive?: boolean | undefined;
  isVerified?: boolean | undefined;
}

/** The fields that only operators change. */
type OperatorFields = Pick<User, "role" | "isActive" | "isVerified" | "isSuperuser">;

type OperatorChange = Partial<Profile> & { [Column in keyof OperatorFields]?: OperatorFields[Column] | undefined };

export type UserAdministration = ReturnType<typeof createUserAdministration>;

/** Sorts after every text that begins with the prefix it is appended to. */
const LAST = "\u{10ffff}";

export function createUserAdministration(db: Database) {
  return {
    /** Newest first. `before` is the id of a user: only older users are listed. */
    async list(
      { prefix, role, isActive, isVerified }: UserFilter,
      { limit, before }: { limit: number; before?: string | undefined },
    ) {
      const start = canonicalName(prefix ?? "");
      const name = sql`lower(${users.username})`;
      // The prefix is looked up in an index, the rest only filters: the plus sign keeps SQLite from using their indexes.
      const passedOver = (column: SQLWrapper) => (start === "" ? sql`${column}` : sql`+${column}`);
      return db
        .select()
        .from(users)
        .where(
          and(
            // Ranges instead of LIKE: both use an index, and no character of the prefix is a wildcard.
            start === ""
              ? undefined
              : or(
                  and(gte(users.email, start), lt(users.email, start + LAST)),
                  and(sql`${name} >= ${start}`, sql`${name} < ${start + LAST}`),
                ),
            role === undefined ? undefined : eq(passedOver(users.role), role),
            isActive === undefined ? undefined : eq(users.isActive, isActive),
            isVerified === undefined ? undefined : eq(users.isVerified, isVerified),
            before === undefined ? undefined : lt(passedOver(users.id), before),
          ),
        )
        .orderBy(desc(users.id))
        .limit(limit);
    },

    /**
     * Changes a user, if the roles of both the user and the operator are still those that were read, and unless no
     * superuser would be left who can log in. `version` is the `updatedAt` to expect, if any.
     */
    async update(
      parts: { actor: User; target: User; change: OperatorChange; endsSessions: boolean; version?: number | undefined },
      now: number,
    ) {
      const { actor, target, change, endsSessions, version } = parts;
      const others = otherSuperusers(db, target.id);
      const weakens = change.isSuperuser === false || change.isActive === false || change.isVerified === false;
      // A user who is only a registration has no session to end, and its link must stay valid.
      const nextEpoch = sql`CASE WHEN ${isBareRegistration} THEN ${users.sessionEpoch} ELSE ${users.sessionEpoch} + 1 END`;
      const isSpare = or(
        eq(users.isSuperuser, false),
        eq(users.isActive, false),
        eq(users.isVerified, false),
        exists(others),
      );
      const found = await batchOf(db, {
        before: db.select().from(users).where(eq(users.id, target.id)),
        updated: db
          .update(users)
          .set({
            ...change,
            ...(endsSessions ? { sessionEpoch: nextEpoch } : {}),
            updatedAt: nextVersion(now),
          })
          .where(
            and(
              eq(users.id, target.id),
              eq(users.role, target.role),
              eq(users.isSuperuser, target.isSuperuser),
              stillHasStanding(actor),
              version === undefined ? undefined : eq(users.updatedAt, version),
              weakens ? isSpare : undefined,
            ),
          )
          .returning(),
        others,
      });
      const [before] = found.before;
      const [user] = found.updated;
      if (before !== undefined && user !== undefined) return { before, user };
      const isLast = weakens && target.isSuperuser && found.others.length === 0;
      return refuse(isLast ? "last_superuser" : "precondition_failed");
    },
  };
}
