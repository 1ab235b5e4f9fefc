/**
 * Holds the statements that tests make commands run in this process to their plans, as `support/statement-plans.ts` does
 * with those of the service.
 */
import { globSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { complaintsOf, expectNone, isFirst, isOfArchive, watchDrizzle } from "../support/plan-faults.ts";

const directory = empty("migrations/*.sql");
const archive = empty("migrations/audit/*.sql");
const unexplained = new Set<string>();

/** From now on, notes the statements. They are explained later: one that can't be must not fail inside the command. */
export function watchStatements(): void {
  if (isFirst("watches statements")) watchDrizzle((statement) => unexplained.add(statement));
}

/** Fails if a statement since the last call reads a whole table or sorts rows, unless the budgets say why it may. */
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
  // As wrangler makes it.
  database.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TEXT)");
  for (const path of globSync(pattern).toSorted()) database.exec(readFileSync(path, "utf8"));
  return database;
}
