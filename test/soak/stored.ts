/** How much a service stores, read from the files of its state. */
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

/** Rows by name: of a table of D1, or of all objects of a class. */
export type Rows = Record<string, number>;

export interface Stored {
  rows: Rows;
  /** Bytes that the rows and indexes of D1 take. */
  directory: number;
  /** Bytes of all objects that hold something. */
  objects: number;
}

interface Counted {
  version: string;
  rows: number;
  bytes: number;
}

/** What the platform and the simulator of it keep in each database for themselves. */
const NOT_OURS = /^(sqlite_|_cf_METADATA|__miniflare|d1_migrations)/;
/** The classes of `wrangler.toml` that hold what belongs to users. */
const CLASSES = ["UserSessions", "RateLimiter", "LoginGuard"];

const MOST_TRIES = 10;

/** Reads the same state again and again; a file that has not changed is read once. */
export function createStorageReader(state: string) {
  const seen = new Map<string, Counted>();

  async function countObject(file: string): Promise<Counted> {
    const version = [file, `${file}-wal`].map(versionOf).join();
    const before = seen.get(file);
    if (before?.version === version) return before;
    const { bytes, tables } = await readTables(file);
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    // The file of an object that has deleted all it had stays, with an empty table.
    const counted = { version, rows, bytes: rows === 0 ? 0 : bytes };
    seen.set(file, counted);
    return counted;
  }

  return {
    async read(): Promise<Stored> {
      const [directory = ""] = filesOf(join(state, "v3/d1/*/*.sqlite"));
      const { bytes, tables } = await readTables(directory);
      const rows: Rows = { ...tables, "unverified users": await unverifiedUsers(directory) };
      let objects = 0;
      for (const name of CLASSES) {
        const files = filesOf(join(state, `v3/do/*-${name}/*.sqlite`));
        // Files stay when their objects are empty: without one, it is not known that there are no rows.
        if (files.length > 0) rows[name] = 0;
        for (const file of files) {
          const counted = await countObject(file);
          rows[name] = (rows[name] ?? 0) + counted.rows;
          objects += counted.bytes;
        }
      }
      return { rows, directory: bytes, objects };
    },
  };
}

const filesOf = (pattern: string) => globSync(pattern).filter((path) => !path.endsWith("metadata.sqlite"));

function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return `${stat?.size} ${stat?.mtimeMs}`;
}

function readTables(file: string): Promise<{ bytes: number; tables: Rows }> {
  return inDatabase(file, (database, number) => {
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    const ours = names.map(({ name }) => String(name)).filter((name) => !NOT_OURS.test(name));
    const tables = Object.fromEntries(ours.map((name) => [name, number(`SELECT count(*) FROM \`${name}\``)]));
    const pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
    return { bytes: pages * number("PRAGMA page_size"), tables };
  });
}

function unverifiedUsers(file: string): Promise<number> {
  return inDatabase(file, (_, number) => number("SELECT count(*) FROM `users` WHERE `is_verified` = 0"));
}

/** `number` is the one that a statement answers. */
async function inDatabase<Result>(
  file: string,
  work: (database: DatabaseSync, number: (sql: string) => number) => Result,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
      const opened = database;
      return work(opened, (sql) => Number(Object.values(opened.prepare(sql).get() ?? {})[0]));
    } catch (error) {
      // An object that is just put to rest takes away the files that belong to its database.
      if (tries === MOST_TRIES) throw error;
      await pause(20);
    } finally {
      database?.close();
    }
  }
}
