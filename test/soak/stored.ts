/** How much a service stores, read from the files of its state. */
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

/** The number of rows by the name of a table of D1, or of a class of objects. */
export type Rows = Record<string, number>;

export interface Stored {
  rows: Rows;
  /** Bytes that the rows and indexes of D1 take. */
  directory: number;
  /** Bytes of all objects that have rows. */
  objects: number;
}

interface Counted {
  version: string;
  rows: number;
  bytes: number;
}

/** Tables that belong to the platform, its simulator or wrangler. */
const NOT_OURS = /^(sqlite_|_cf_METADATA|__miniflare|d1_migrations)/;
/** The Durable Object classes in `wrangler.toml` that hold data of users. */
const CLASSES = ["UserSessions", "RateLimiter", "LoginGuard"];

const MOST_TRIES = 10;

/** Creates a reader that can read the same state many times. It reads a file again only if the file has changed. */
export function createStorageReader(state: string) {
  const seen = new Map<string, Counted>();

  async function countObject(file: string): Promise<Counted> {
    const version = [file, `${file}-wal`].map(versionOf).join();
    const before = seen.get(file);
    if (before?.version === version) return before;
    const { bytes, tables } = await readTables(file);
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    // If an object has deleted its rows, its file remains with empty tables. Such a file does not count.
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
        // Without any file, the number of rows is unknown, and not 0: files remain when their objects are empty.
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

/** Opens a database for `work`. `number` runs a statement that returns one number. */
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
      // The runtime may be evicting the object, which removes files that belong to its database.
      if (tries === MOST_TRIES) throw error;
      await pause(20);
    } finally {
      database?.close();
    }
  }
}
