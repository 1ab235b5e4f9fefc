/** Finds users in D1 by how their email or username begins. */
import { and, eq, getTableColumns, gte, lt, or, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { emailPrefixes } from "../platform/email-address.ts";
import { canonicalName } from "./login-names.ts";
import type { User } from "./user.ts";
import { isSet } from "./user-statements.ts";

export interface UserFilter {
  role?: User["role"] | undefined;
  isActive?: boolean | undefined;
  isVerified?: boolean | undefined;
  hasSecondFactor?: boolean | undefined;
}

/** `after`: the `next` of the previous page. */
interface SearchPage {
  limit: number;
  after?: string | undefined;
}

export type UserSearch = ReturnType<typeof createUserSearch>;

/** The most names that a page looks at. So its cost does not depend on the number of users. */
export const MOST_EXAMINED = 1_000;

/** Appended to a prefix, it gives a text that sorts after every text with that prefix. */
const LAST = "\u{10ffff}";
/** Appended to a name, it gives the smallest text that sorts after the name. */
const NEXT = "\u0001";

export function createUserSearch(db: Database) {
  return {
    /**
     * Finds users and returns a page of them in the order of their names. The name of a user is the email if it begins
     * with the prefix, otherwise the username. A page ends after `MOST_EXAMINED` names, even if few of their users pass
     * the filter. `next` is the name to continue after, or `null` after the last page.
     */
    async find(
      prefix: string,
      { role, isActive, isVerified, hasSecondFactor }: UserFilter,
      { limit, after }: SearchPage,
    ) {
      const emails = apart(emailPrefixes(prefix)).map((begin) => rangeOf(users.email, begin));
      const username = rangeOf(sql`lower(${users.username})`, canonicalName(prefix));
      const from = after === undefined ? "" : after + NEXT;
      // Each range is read from an index in its order. SQLite merges the ranges, and reads no further than the limit.
      const names = sql.join(
        [...emails, username].map(
          ({ name, begin, end }) =>
            sql`SELECT ${name} AS name, ${users}.rowid AS place FROM ${users} WHERE ${name} >= max(${begin}, ${from}) AND ${name} < ${end}`,
        ),
        sql` UNION ALL `,
      );
      // A user found by email is left out of the username matches.
      const emailIsFound = or(...emails.map(({ name, begin, end }) => and(gte(name, begin), lt(name, end))));
      // Both queries take one round trip. A page that is not full needs `reached`, and most pages are not full.
      const { found, reached } = await batchOf(db, {
        found: db
          .select({ name: sql<string>`found.name`, user: getTableColumns(users) })
          .from(sql`(${names} ORDER BY name LIMIT ${MOST_EXAMINED}) AS found`)
          .crossJoin(users)
          .where(
            and(
              sql`${users}.rowid = found.place`,
              sql`(found.name = ${users.email} OR NOT (${emailIsFound}))`,
              role === undefined ? undefined : eq(users.role, role),
              isActive === undefined ? undefined : eq(users.isActive, isActive),
              isVerified === undefined ? undefined : eq(users.isVerified, isVerified),
              hasSecondFactor === undefined ? undefined : isSet(users.secondFactorSince, hasSecondFactor),
            ),
          )
          // Without this clause, SQLite need not keep the order of the subquery. With it, SQLite recognizes that order
          // and does not sort again.
          .orderBy(sql`found.name`)
          .limit(limit + 1),
        reached: db
          .select({ name: sql<string>`name` })
          .from(sql`(${names} ORDER BY name LIMIT 1 OFFSET ${MOST_EXAMINED - 1})`),
      });
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : reached[0];
      return { users: page.map(({ user }) => user), next: last?.name ?? null };
    },
  };
}

/** Ranges instead of LIKE: they use an index, and no character of the prefix is a wildcard. */
function rangeOf(name: SQLWrapper, begin: string): { name: SQL; begin: string; end: string } {
  return { name: sql`${name}`, begin, end: begin + LAST };
}

/** Drops prefixes that begin with another one, so that nothing is found twice. */
function apart(prefixes: string[]): string[] {
  return prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && prefix.startsWith(other)));
}
