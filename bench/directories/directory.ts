/** One of several directories: a D1 database. Each call is counted, and also reads which slots have moved. */
import { openDatabase } from "../../src/db/client.ts";
import type { Hops } from "../../src/platform/hops.ts";
import { createUserAdministration } from "../../src/users/administration.ts";
import { createRegistrationStore } from "../../src/users/registrations.ts";
import { createUserSearch } from "../../src/users/search.ts";
import { createUserStore } from "../../src/users/users.ts";
import { MOVES } from "./schema.ts";

export interface Spent {
  calls: number;
  rowsRead: number;
  rowsWritten: number;
}

/** Thrown for a write to a slot that is being copied. A client of the service would get a 503. */
export class SlotMoves extends Error {}

/** In which directory each of the 4,096 slots is. The map that an isolate starts with can be out of date. */
export class SlotMap {
  readonly #places: number[];
  /** How many moves this map has learned of. */
  changes = 0;

  constructor(directories: number) {
    this.#places = Array.from({ length: 4_096 }, (_, slot) => slot % directories);
  }

  placeOf(slot: string): number {
    return this.#places[Number.parseInt(slot, 16)] ?? 0;
  }

  learn(slot: string, place: number): void {
    if (this.placeOf(slot) === place) return;
    this.#places[Number.parseInt(slot, 16)] = place;
    this.changes++;
  }
}

export const slotOfUser = (id: string) => id.slice(-3);
export const slotOfClaim = (key: string) => key.slice(0, 3);

export type Directory = ReturnType<typeof openDirectory>;
export type Query = [sql: string, ...values: (string | number)[]];

export function openDirectory(d1: D1Database, { hops, slots, spent }: { hops: Hops; slots: SlotMap; spent: Spent }) {
  const watched = watch(d1, { slots, spent });
  const db = openDatabase(watched, hops);
  return {
    // The service's own stores, with their own statements.
    users: createUserStore(db),
    registrations: createRegistrationStore(db),
    administration: createUserAdministration(db),
    search: createUserSearch(db),

    /** Runs statements as one transaction. Returns the rows of each statement. */
    async batch<Row>(...queries: Query[]): Promise<Row[][]> {
      const statements = queries.map(([sql, ...values]) => watched.prepare(sql).bind(...values));
      const results = await hops.hop("d1", () => watched.batch<Row>(statements));
      return results.map((result) => result.results);
    },
  };
}

/** Adds to each transaction of the database a statement that reads which slots have moved. */
function watch(d1: D1Database, { slots, spent }: { slots: SlotMap; spent: Spent }): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();
  const run = async (statements: object[]) => {
    const moved = d1.prepare("SELECT slot, moved_to FROM moves WHERE moved_to IS NOT NULL");
    const read = async (before: D1PreparedStatement[]) => {
      const results = await d1.batch<Record<string, unknown>>([...before, moved]);
      spent.calls++;
      for (const { meta } of results) {
        spent.rowsRead += meta.rows_read;
        spent.rowsWritten += meta.rows_written;
      }
      for (const row of results.pop()?.results ?? []) slots.learn(String(row.slot), Number(row.moved_to));
      return results;
    };
    try {
      return await read(statements.map((statement) => originals.get(statement) ?? (statement as D1PreparedStatement)));
    } catch (error) {
      if (!String(error).includes(MOVES)) throw error;
      await read([]);
      throw new SlotMoves(MOVES);
    }
  };
  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const alone = async () => (await run([statement]))[0];
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: alone,
      run: alone,
      raw: async () => (await alone())?.results.map(Object.values),
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }
  return { prepare: (query: string) => wrap(d1.prepare(query)), batch: run } as unknown as D1Database;
}
