import { sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { drizzle } from "drizzle-orm/d1";
import type { Hops } from "../platform/hops.ts";

export type Database = ReturnType<typeof openDatabase>;

/** Drizzle on D1. Every statement or batch counts as one round trip. */
export function openDatabase(d1: D1Database, hops: Hops) {
  return drizzle(meterDatabase(d1, hops));
}

/** Throws if the database does not answer. */
export async function pingDatabase(db: Database): Promise<void> {
  await db.run(sql`SELECT 1`);
}

/** The time by the database's own clock, in milliseconds since the epoch. */
export async function databaseNow(db: Database): Promise<number> {
  const { now } = await db.get<{ now: number }>(sql`SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now`);
  return now;
}

/**
 * SQLite: the latest INSERT, UPDATE or DELETE changed a row. For a statement directly behind it in a batch.
 */
export const HAS_CHANGED = sql`changes() > 0`;

type Statement = BatchItem<"sqlite">;

/**
 * Runs statements in the order in which they are written, as one transaction and one round trip. Each result comes
 * back under the name of its statement.
 */
export async function batchOf<Statements extends Record<string, Statement>>(
  db: Database,
  statements: Statements,
): Promise<{ [Name in keyof Statements]: Statements[Name]["_"]["result"] }> {
  const results = await db.batch(Object.values(statements) as [Statement, ...Statement[]]);
  const named = Object.fromEntries(Object.keys(statements).map((name, index) => [name, results[index]]));
  return named as { [Name in keyof Statements]: Statements[Name]["_"]["result"] };
}

/** Drizzle calls only these. `first`, `exec` and `dump` are not counted because nothing calls them. */
function meterDatabase(d1: D1Database, hops: Hops): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();

  function meterStatement(statement: D1PreparedStatement): D1PreparedStatement {
    const metered = {
      bind: (...values: unknown[]) => meterStatement(statement.bind(...values)),
      all: () => hops.hop("d1", () => statement.all()),
      run: () => hops.hop("d1", () => statement.run()),
      raw: () => hops.hop("d1", () => statement.raw()),
    } as unknown as D1PreparedStatement;
    originals.set(metered, statement);
    return metered;
  }

  return {
    // Drizzle quotes names with ", and SQLite reads a name in " that it does not know as a text. Without its migration,
    // a column would have its own name as its value.
    prepare: (query: string) => meterStatement(d1.prepare(query.replaceAll('"', "`"))),
    batch: (statements: D1PreparedStatement[]) =>
      hops.hop("d1", () => d1.batch(statements.map((statement) => originals.get(statement) ?? statement))),
  } as unknown as D1Database;
}
