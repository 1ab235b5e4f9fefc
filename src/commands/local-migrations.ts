/** Applies migrations to a database on this machine. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../db/client.ts";
import { appliedMigrations } from "../db/migrations.ts";
import { systemClock } from "../platform/clock.ts";
import { Hops } from "../platform/hops.ts";
import { describeError } from "../platform/log.ts";
import { StepFailed } from "./deploy/step-failed.ts";

/** Wrangler's own table, so that `wrangler d1 migrations` and this code agree on which migrations are applied. */
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** What drizzle-kit writes between two statements. */
const BREAKPOINT = "--> statement-breakpoint";

/**
 * Applies the migrations in `folder` that are not applied yet, oldest first, each in one transaction. `wrangler d1
 * migrations apply` does the same, but starts a runtime for each migration. In a new clone, the first start would take
 * ten seconds longer.
 *
 * @throws StepFailed with the name of the migration that failed. The database is as it was before this migration
 */
export async function migrateLocally(database: D1Database, folder: string): Promise<void> {
  const hops = new Hops(systemClock);
  const db = openDatabase(database, hops);
  // Not through `db`, which changes the quotation marks in a statement.
  const run = (statements: readonly string[]) =>
    hops.hop("d1", () => database.batch(statements.map((statement) => database.prepare(statement))));
  await run([MIGRATIONS_TABLE]);
  const before = await appliedMigrations(db);
  const names = globSync("*.sql", { cwd: folder }).toSorted();
  for (const name of names.filter((each) => !before.includes(each))) {
    const statements = readFileSync(join(folder, name), "utf8").split(BREAKPOINT);
    try {
      await run([...statements, `INSERT INTO d1_migrations (name) VALUES ('${name}')`]);
    } catch (error) {
      // Another process may have applied the migration at the same moment.
      const applied = await appliedMigrations(db).catch((): string[] => []);
      if (!applied.includes(name)) throw new StepFailed(`${name}: ${describeError(error)}`);
    }
  }
}
