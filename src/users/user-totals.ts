/**
 * The exact number of users of each kind, in one row. Triggers in D1 keep the row up to date, in the transaction of
 * each change of a user, so a read counts no users. Only the first read counts the users, and creates the triggers. So
 * a service whose operators never read the numbers doesn't pay for the row.
 *
 * The table and the triggers are not in a migration, because Wrangler applies migrations through an endpoint of D1 that
 * splits triggers at their semicolons. A copy of the database doesn't contain them either: in the new database, the
 * users are counted again. Drop the triggers before the table: without the table, every change of a user would fail.
 */
import { sql } from "drizzle-orm";
import { type Database, runStatements } from "../db/client.ts";
import { namesOf } from "../platform/records.ts";

/** What is counted, as a condition on a row of `users`. */
const COUNTED = {
  total: (_row: string) => "1",
  verified: (row: string) => `${row}.is_verified`,
  suspended: (row: string) => `(${row}.is_active = 0)`,
  withSecondFactor: (row: string) => `(${row}.second_factor_since IS NOT NULL)`,
  operators: (row: string) => `(${row}.role <> 'user' OR ${row}.is_superuser = 1)`,
} as const;

type UserTotals = Readonly<Record<keyof typeof COUNTED, number>>;

const NAMES = namesOf(COUNTED);

const update = (change: (name: keyof typeof COUNTED) => string) =>
  `UPDATE user_totals SET ${NAMES.map((name) => `${name} = ${name} ${change(name)}`).join(", ")} WHERE id = 1`;

/** The triggers by name. The texts are exactly as SQLite stores them, because `isSetUp` compares them. */
const TRIGGERS: Readonly<Record<string, string>> = {
  user_totals_insert: `CREATE TRIGGER user_totals_insert AFTER INSERT ON users BEGIN ${update((name) => `+ ${COUNTED[name]("NEW")}`)}; END`,
  user_totals_delete: `CREATE TRIGGER user_totals_delete AFTER DELETE ON users BEGIN ${update((name) => `- ${COUNTED[name]("OLD")}`)}; END`,
  user_totals_update: `CREATE TRIGGER user_totals_update AFTER UPDATE OF is_verified, is_active, second_factor_since, role, is_superuser ON users WHEN ${NAMES.map((name) => `${COUNTED[name]("NEW")} <> ${COUNTED[name]("OLD")}`).join(" OR ")} BEGIN ${update((name) => `+ ${COUNTED[name]("NEW")} - ${COUNTED[name]("OLD")}`)}; END`,
};

/** One transaction, so that no change of a user is missed between the count and the triggers. */
const SET_UP: readonly string[] = [
  ...Object.keys(TRIGGERS).map((name) => `DROP TRIGGER IF EXISTS ${name}`),
  "DROP TABLE IF EXISTS user_totals",
  `CREATE TABLE user_totals (id INTEGER PRIMARY KEY, ${NAMES.map((name) => `${name} INTEGER NOT NULL`).join(", ")})`,
  `INSERT INTO user_totals SELECT 1, ${NAMES.map((name) => `coalesce(sum(${COUNTED[name]("users")}), 0)`).join(", ")} FROM users`,
  ...Object.values(TRIGGERS),
];

export type UserTotalStore = ReturnType<typeof createUserTotalStore>;

export function createUserTotalStore(db: Database) {
  /** Whether the table and these triggers exist. Another release may have created other triggers. */
  async function isSetUp(): Promise<boolean> {
    const names = JSON.stringify(["user_totals", ...Object.keys(TRIGGERS)]);
    const found = await db.all<{ sql: string }>(
      sql`SELECT sql FROM sqlite_schema WHERE name IN (SELECT value FROM json_each(${names}))`,
    );
    const texts = new Set(found.map((row) => row.sql));
    return found.length === NAMES_IN_SCHEMA && Object.values(TRIGGERS).every((text) => texts.has(text));
  }

  return {
    /** Takes two round trips. The first read takes one more, which reads all users. */
    async read(): Promise<UserTotals> {
      if (!(await isSetUp())) await runStatements(db, SET_UP);
      return db.get<UserTotals>(sql.raw(`SELECT ${NAMES.join(", ")} FROM user_totals WHERE id = 1`));
    },
  };
}

const NAMES_IN_SCHEMA = 1 + Object.keys(TRIGGERS).length;
