/** Users as their operators read and change them in D1. Every change is one batch that also asks whether it may still be made. */
import { and, desc, eq, exists, gte, lt, or, type SQLWrapper, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { isBareRegistration, nextVersion, otherSuperusers, stillStands } from "../users/store.ts";
import type { User } from "../users/user.ts";

/** Which users are meant; `prefix` is of the email or the username, in any case. */
export interface UserFilter {
  prefix?: string | undefined;
  role?: User["role"] | undefined;
  isActive?: boolean | undefined;
  isVerified?: boolean | undefined;
}

export type OperatorChange = Partial<
  Pick<User, "role" | "isActive" | "isVerified" | "isSuperuser" | "firstName" | "lastName" | "phone">
>;

export type OperatorUpdate =
  | { outcome: "updated"; before: User; user: User }
  | { outcome: "last_superuser" | "changed_meanwhile" };

export interface UserAdministration {
  /** Newest first; only users older than the one of the id `before`. */
  list(filter: UserFilter, page: { limit: number; before?: string | undefined }): Promise<User[]>;
  find(id: string): Promise<User | undefined>;
  /**
   * Changes a user who is still as they were read, by an operator who still is what they were, unless nobody
   * would be left who is a superuser and can log in. `version` is the `updatedAt` to expect, if any.
   */
  update(
    parts: {
      actor: User;
      target: User;
      change: OperatorChange;
      /** Nobody may be logged in any more. */
      endsSessions: boolean;
      version?: number | undefined;
    },
    now: number,
  ): Promise<OperatorUpdate>;
}

/** Sorts after every text that begins with the prefix it is appended to. */
const LAST = "\u{10ffff}";

export function createUserAdministration(db: Database): UserAdministration {
  return {
    list({ prefix, role, isActive, isVerified }, { limit, before }) {
      const start = prefix?.toLowerCase() ?? "";
      const name = sql`lower(${users.username})`;
      // A prefix is looked up; the rest then only filters. The sign keeps SQLite from walking another index instead.
      const passedOver = (column: SQLWrapper) => (start === "" ? sql`${column}` : sql`+${column}`);
      return db
        .select()
        .from(users)
        .where(
          and(
            // Ranges, not LIKE: each is a look-up in its index, and nothing in the prefix is a wildcard.
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

    async find(id) {
      const [user] = await db.select().from(users).where(eq(users.id, id));
      return user;
    },

    async update({ actor, target, change, endsSessions, version }, now) {
      const others = otherSuperusers(db, target.id);
      const weakens = change.isSuperuser === false || change.isActive === false || change.isVerified === false;
      // Who waits to prove their address has no session to end, and the link that they were mailed stays good.
      const nextEpoch = sql`CASE WHEN ${isBareRegistration} THEN ${users.sessionEpoch} ELSE ${users.sessionEpoch} + 1 END`;
      const isSpare = or(
        eq(users.isSuperuser, false),
        eq(users.isActive, false),
        eq(users.isVerified, false),
        exists(others),
      );
      const [[before], [updated], left] = await db.batch([
        db.select().from(users).where(eq(users.id, target.id)),
        db
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
              stillStands(actor),
              version === undefined ? undefined : eq(users.updatedAt, version),
              weakens ? isSpare : undefined,
            ),
          )
          .returning(),
        others,
      ]);
      if (before !== undefined && updated !== undefined) return { outcome: "updated", before, user: updated };
      const isLast = weakens && target.isSuperuser && left.length === 0;
      return { outcome: isLast ? "last_superuser" : "changed_meanwhile" };
    },
  };
}
