/**
 * Checks the query plans of the statements that commands run in this process during tests. For the service's
 * statements, `support/statement-plans.ts` does this.
 */
import { globSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { complaintsOf, expectNone, isFirst, isOfArchive, watchDrizzle } from "../support/plan-faults.ts";

const directory = empty("migrations/*.sql");
const archive = empty("migrations/audit/*.sql");
const unexplained = new Set<string>();

/** Starts to note statements. They are explained later, because a failing explanation must not fail the command. */
export function watchStatements(): void {
  if (isFirst("watches statements")) watchDrizzle((statement) => unexplained.add(statement));
}

/** Fails if a statement since the last call reads a whole table or sorts rows, unless the budgets allow it. */
export function expectIndexedStatements(): void {
  const statements = [...unexplained];
  unexplained.clear();
  const complaints = statements.flatMap((statement) => {
    const database = isOfArchive(statement) ? archive : directory;
    return complaintsOf(database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all(), statement);
  });
  expectNone(complaints);
}

/** A database with every table. */
function empty(pattern: string): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  // Wrangler creates this table.
  database.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TEXT)");
  for (const path of globSync(pattern).toSorted()) database.exec(readFileSync(path, "utf8"));
  return database;
}
