/** The migrations that this build knows, and which of them the database still lacks. */
import { sql } from "drizzle-orm";
import journal from "../../migrations/meta/_journal.json" with { type: "json" };
import type { Database } from "./client.ts";

/** The file names in `migrations/`, oldest first. */
export const MIGRATIONS: readonly string[] = journal.entries.map(({ tag }) => `${tag}.sql`);

/** Reads wrangler's table `d1_migrations`. Every tool that applies migrations records their names there. */
export const APPLIED_MIGRATIONS = "SELECT name FROM d1_migrations";

/**
 * Which of the known migrations are not applied yet. Migrations of a newer release don't count: this release does not
 * know them and doesn't need them, because migrations only add what older releases ignore.
 *
 * @throws if the table of migrations does not exist, because none was ever applied
 */
export async function pendingMigrations(db: Database, known = MIGRATIONS): Promise<string[]> {
  const names = new Set(await appliedMigrations(db));
  return known.filter((name) => !names.has(name));
}

export async function appliedMigrations(db: Database): Promise<string[]> {
  const applied = await db.all<{ name: string }>(sql.raw(APPLIED_MIGRATIONS));
  return applied.map(({ name }) => name);
}
