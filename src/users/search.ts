/** Finds users in D1 by the beginning of their email address or username. */
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

/** The maximum number of names that a page examines. So a page costs the same, however many users there are. */
export const MOST_EXAMINED = 1_000;

/** A prefix plus this character sorts after every text with that prefix. */
const LAST = "\u{10ffff}";
/** A name plus this character is the first text that sorts after the name. */
const NEXT = "\u0001";

export function createUserSearch(db: Database) {
  return {
    /**
     * Returns a page of the found users, sorted by name. Here, the name of a user is the email address if it begins
     * with the prefix, or the username if not. A page ends after `MOST_EXAMINED` names, even if few of these users pass
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
      // SQLite reads each range in the order of an index, merges the ranges, and reads no further than the limit.
      const names = sql.join(
        [...emails, username].map(
          ({ name, begin, end }) =>
            sql`SELECT ${name} AS name, ${users}.rowid AS place FROM ${users} WHERE ${name} >= max(${begin}, ${from}) AND ${name} < ${end}`,
        ),
        sql` UNION ALL `,
      );
      // A user found by email is left out of the username matches.
      const emailIsFound = or(...emails.map(({ name, begin, end }) => and(gte(name, begin), lt(name, end))));
      // Both queries share one round trip: most pages are not full, and a page that is not full needs `reached`.
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
          // Without this clause, SQLite may return the rows in another order than the subquery. With this clause,
          // SQLite sees that the subquery has this order, and does not sort again.
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

/** Drops each prefix that begins with another prefix, so that no user is found twice. */
function apart(prefixes: string[]): string[] {
  return prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && prefix.startsWith(other)));
}
