/** A local database of its own for a command under test, and a look into it. */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface LocalDatabase {
  /** Open for the commands that run in this process. */
  DB: D1Database;
  /** For a command that runs as a process of its own: where the state lies. */
  flag: string;
  /** The rows of a query, read from the file itself. */
  rows(sql: string): Record<string, unknown>[];
  /** Runs statements that answer nothing. */
  change(sql: string): void;
  /** Writes to it in another connection, without an end. Returns a function that ends that. */
  lock(): () => void;
}

/** An empty database with every table, as the command itself opens one. It is gone after the tests of the file. */
export async function makeLocalDatabase(): Promise<LocalDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "postern-database-"));
  const { DB, dispose } = await openD1({ remote: false, persistTo: folder }, ROOT);
  const migrations = globSync(join(ROOT, "migrations/*.sql")).toSorted();
  const statements = migrations.flatMap((path) => readFileSync(path, "utf8").split("--> statement-breakpoint"));
  await DB.batch(statements.map((statement) => DB.prepare(statement)));
  const [file = ""] = globSync(join(folder, "v3/d1/*/*.sqlite")).filter((path) => !path.endsWith("metadata.sqlite"));
  afterAll(async () => {
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
