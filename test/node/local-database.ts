/** A separate local database for a command under test, and access to its rows. */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openD1 } from "../../src/commands/d1.ts";
import { migrateLocally } from "../../src/commands/local-migrations.ts";

/** Close the databases of the current file. Tests and hooks open some too, and `afterAll` has no effect in them. */
const opened: (() => Promise<void>)[] = [];

/** Closes and deletes the databases of a file. */
export async function closeLocalDatabases(): Promise<void> {
  await Promise.all(opened.splice(0).map((close) => close()));
}

const ROOT = resolve(import.meta.dirname, "../..");

export interface LocalDatabase {
  /** The database, open for commands that run in this process. */
  DB: D1Database;
  /** A database for audit events, if the configuration binds one. */
  AUDIT_DB: D1Database | undefined;
  /** The flag with the folder of the state, for a command that runs as a process of its own. */
  flag: string;
  /** The rows of a query, read from the file itself. */
  rows(sql: string): Record<string, unknown>[];
  /** Runs statements that return no rows. */
  change(sql: string): void;
  /** Locks the database with a transaction in another connection. Returns a function that unlocks it. */
  lock(): () => void;
}

/** Uncomments the lines for `AUDIT_DB` in the configuration. */
export function bindArchive(toml: string): string {
  const isAbout =
    /^# (\[\[d1_databases\]\]|binding = "AUDIT_DB"|database_name = "postern-audit"|migrations_dir = .*)$/gm;
  return toml.replaceAll(isAbout, "$1");
}

/**
 * Opens an empty database with every table, as commands do. With `hasArchive`, also opens one for audit events. Both
 * are deleted after the tests of the file.
 */
export async function makeLocalDatabase({ hasArchive = false } = {}): Promise<LocalDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "postern-database-"));
  const toml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  writeFileSync(join(folder, "wrangler.toml"), hasArchive ? bindArchive(toml) : toml);
  const { DB, AUDIT_DB, dispose } = await openD1({ remote: false, persistTo: folder }, folder);
  // Migrates only `DB` first, so that the next line finds its file: `AUDIT_DB` has no file yet.
  await migrateLocally(DB, join(ROOT, "migrations"));
  const [file = ""] = globSync(join(folder, "v3/d1/*/*.sqlite")).filter((path) => !path.endsWith("metadata.sqlite"));
  if (AUDIT_DB !== undefined) await migrateLocally(AUDIT_DB, join(ROOT, "migrations/audit"));
  opened.push(async () => {
    await dispose();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
  const open = <Result>(work: (database: DatabaseSync) => Result): Result => {
    const database = new DatabaseSync(file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  return {
    DB,
    AUDIT_DB,
    flag: `--persist-to=${folder}`,
    rows: (sql) =>
      open((database) =>
        database
          .prepare(sql)
          .all()
          .map((row) => ({ ...row })),
      ),
    change: (sql) => open((database) => database.exec(sql)),
    lock() {
      const database = new DatabaseSync(file);
      database.exec("BEGIN IMMEDIATE");
      return () => database.close();
    },
  };
}
