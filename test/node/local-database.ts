/** A local database of its own for a command under test, and a look into it. */
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import type { Surroundings } from "../../src/commands/surroundings.ts";
import { findWrangler } from "../../src/commands/wrangler.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface LocalDatabase {
  /** To be handed to the command: where the state lies. */
  flag: string;
  /** The rows of a query, read from the file itself: a wrangler for each look takes seconds. */
  rows(sql: string): Record<string, unknown>[];
  /** Runs statements that answer nothing. */
  change(sql: string): void;
  remove(): void;
}

/** What a command works in that really reaches the database, with what it says kept. */
export function realSurroundings(answers: (string | undefined)[] = []) {
  const said: string[] = [];
  const complained: string[] = [];
  const asked: string[] = [];
  const world: Surroundings = {
    root: ROOT,
    stop: new AbortController().signal,
    say: (text) => said.push(text),
    show: (text) => said.push(`${text}\n`),
    complain: (text) => complained.push(text),
    async ask(question, kind) {
      asked.push(`${question}${kind ?? ""}`);
      return answers.shift();
    },
  };
  return { ...world, asked, said: () => said.join(""), complained: () => complained.join("") };
}

/** An empty database with every table. */
export async function makeLocalDatabase(): Promise<LocalDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "postern-database-"));
  const flag = `--persist-to=${folder}`;
  const migrated = await findWrangler(ROOT)?.run(["d1", "migrations", "apply", "DB", "--local", flag]);
  expect(migrated?.code, migrated?.output).toBe(0);
  const [file = ""] = globSync(join(folder, "v3/d1/*/*.sqlite")).filter((path) => !path.endsWith("metadata.sqlite"));
  const open = <Result>(work: (database: DatabaseSync) => Result): Result => {
    const database = new DatabaseSync(file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  return {
    flag,
    rows: (sql) =>
      open((database) =>
        database
          .prepare(sql)
          .all()
          .map((row) => ({ ...row })),
      ),
    change: (sql) => open((database) => database.exec(sql)),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  };
}
