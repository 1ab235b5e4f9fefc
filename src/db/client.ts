import { fillPlaceholders, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type D1PreparedQuery, drizzle } from "drizzle-orm/d1";
import type { Hops, HopTarget } from "../platform/hops.ts";

export type Database = ReturnType<typeof openDatabase>;

/** Drizzle on D1. Every statement or batch counts as one round trip. */
export function openDatabase(d1: D1Database, hops: Hops, target: HopTarget = "d1") {
  return drizzle(meterDatabase(d1, hops, target));
}

/** Throws if the database does not answer. */
export async function pingDatabase(db: Database): Promise<void> {
  await db.run(sql`SELECT 1`);
}

/** The largest size that D1 allows: https://developers.cloudflare.com/d1/platform/limits/ */
export const MOST_BYTES = 10e9;

/** The size of the database in bytes. */
export async function databaseSize(db: Database): Promise<number> {
  const { meta } = await db.run(sql`SELECT 1`);
  return meta.size_after;
}

/** The time of the database's clock, in milliseconds since the epoch. */
export async function databaseNow(db: Database): Promise<number> {
  const { now } = await db.get<{ now: number }>(sql`SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now`);
  return now;
}

/**
 * Whether the latest INSERT, UPDATE or DELETE changed a row (SQLite). Use it only in the statement that directly
 * follows in the same batch.
 */
export const HAS_CHANGED = sql`changes() > 0`;

type Statement = BatchItem<"sqlite">;

/**
 * Runs statements in the given order, as one transaction and one round trip. Returns each result under the name of its
 * statement.
 */
export async function batchOf<Statements extends Record<string, Statement>>(
  db: Database,
  statements: Statements,
): Promise<{ [Name in keyof Statements]: Statements[Name]["_"]["result"] }> {
  const results = await db.batch(Object.values(statements) as [Statement, ...Statement[]]);
  const named = Object.fromEntries(Object.keys(statements).map((name, index) => [name, results[index]]));
  return named as { [Name in keyof Statements]: Statements[Name]["_"]["result"] };
}

/**
 * Runs statements in SQL text, as one transaction and one round trip. Use it for statements that change the schema,
 * which Drizzle can't build.
 */
export async function runStatements(db: Database, statements: readonly string[]): Promise<void> {
  await db.$client.batch(statements.map((statement) => db.$client.prepare(statement)));
}

type Select = Record<"prepare" | "execute", () => unknown> & Record<"_", unknown>;

/**
 * Makes a statement that Drizzle builds only once per isolate, because building a statement takes as long as running
 * it. Use it for the statements that most requests run. `values` has the values of the placeholders by name.
 */
export function prepareOnce<Builder extends Select>(build: (db: Database) => Builder) {
  let built: D1PreparedQuery | undefined;
  return (db: Database, values: Readonly<Record<string, string>> = {}): Pick<Builder, "_" | "execute"> => {
    built ??= build(db).prepare() as D1PreparedQuery;
    const query = built.getQuery();
    // Drizzle's own prepared statement would run on the database of the request that built it, and count as a round
    // trip of that request.
    const statement = Object.create(built, {
      stmt: { value: db.$client.prepare(query.sql) },
      query: { value: { ...query, params: fillPlaceholders(query.params, values) } },
      // `db.batch` calls `_prepare`.
      _prepare: { value: () => statement },
    });
    return statement;
  };
}

/** Counts and times the calls that Drizzle makes. */
function meterDatabase(d1: D1Database, hops: Hops, target: HopTarget): D1Database {
  const metered = aroundCalls(d1, (call) => hops.hop(target, call));
  return {
    // Drizzle puts names in double quotes, where SQLite reads an unknown name as a string. So if a migration were
    // missing, the new column would seem to contain its own name. In backticks, an unknown name is an error.
    prepare: (query: string) => metered.prepare(query.replaceAll('"', "`")),
    batch: (statements: D1PreparedStatement[]) => metered.batch(statements),
  } as unknown as D1Database;
}

/**
 * Wraps a database for Drizzle: passes each call to the database to `around`, which must run the call. Drizzle never
 * calls `first`, `exec` or `dump`, so the wrapper doesn't have these methods.
 */
export function aroundCalls(
  d1: D1Database,
  around: <Result>(call: () => Promise<Result>) => Promise<Result>,
): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: () => around(() => statement.all()),
      run: () => around(() => statement.run()),
      raw: () => around(() => statement.raw()),
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }

  return {
    prepare: (query: string) => wrap(d1.prepare(query)),
    batch: (statements: D1PreparedStatement[]) =>
      around(() => d1.batch(statements.map((statement) => originals.get(statement) as D1PreparedStatement))),
  } as unknown as D1Database;
}
