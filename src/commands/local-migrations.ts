/** Migrations of a database on this machine. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openDatabase, runStatements } from "../db/client.ts";
import { appliedMigrations } from "../db/migrations.ts";
import { systemClock } from "../platform/clock.ts";
import { Hops } from "../platform/hops.ts";
import { describeError } from "../platform/log.ts";
import { StepFailed } from "./deploy/step-failed.ts";

/** Wrangler's own table, so that `wrangler d1 migrations` and this agree on what is applied. */
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** What drizzle-kit writes between two statements. */
const BREAKPOINT = "--> statement-breakpoint";

/**
 * Applies the migrations in a folder that the database lacks, oldest first, each in one transaction. `wrangler d1
 * migrations apply` does the same, but starts a runtime for each migration, which takes a new clone ten seconds longer.
 *
 * @throws StepFailed with the name of the migration that failed. The database is as it was before that one
 */
export async function migrateLocally(database: D1Database, folder: string): Promise<void> {
  const db = openDatabase(database, new Hops(systemClock));
  await runStatements(db, [MIGRATIONS_TABLE]);
  const before = await appliedMigrations(db);
  const files = globSync(join(folder, "*.sql")).toSorted();
  for (const file of files.filter((path) => !before.includes(basename(path)))) {
    const name = basename(file);
    const statements = readFileSync(file, "utf8").split(BREAKPOINT);
    try {
      await runStatements(db, [...statements, `INSERT INTO d1_migrations (name) VALUES ('${name}')`]);
    } catch (error) {
      // Another process may have applied it at the same moment.
      if (!(await appliedMigrations(db)).includes(name)) throw new StepFailed(`${name}: ${describeError(error)}`);
    }
  }
}
