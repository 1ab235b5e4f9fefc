/**
 * Checks the plan of every statement that a test makes the service run: SQLite must find the rows by a key or an index,
 * and in the right order. The database that runs a statement also explains it.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { complaintsOf, expectNone, isFirst, isOfArchive, type Step, watchDrizzle } from "./plan-faults.ts";

/** The statements of D1 that are not explained yet, with the number of their values. */
const unexplained = new Map<string, number>();
const complaints: string[] = [];

/** Starts to note the statements of D1 and of Durable Objects. Does so once per isolate, which several files share. */
export async function watchStatements(): Promise<void> {
  if (!isFirst("watches statements")) return;
  watchDrizzle((statement, values) => unexplained.set(statement, values));

  await runInDurableObject(env.USER_SESSIONS.getByName("of the statements"), (_, { storage }) => {
    const known = new Set<string>();
    const prototype: SqlStorage = Object.getPrototypeOf(storage.sql);
    const { exec } = prototype;
    prototype.exec = function (this: SqlStorage, query: string, ...values: unknown[]) {
      if (!known.has(query) && !/^\s*(CREATE|EXPLAIN)/.test(query)) {
        known.add(query);
        const plan = exec.call(this, `EXPLAIN QUERY PLAN ${query}`, ...values).toArray();
        complaints.push(...complaintsOf(plan, query));
      }
      return exec.call(this, query, ...values);
    } as SqlStorage["exec"];
  });
}

/** Fails if a statement since the last call reads a whole table or sorts rows, unless the budgets allow it. */
export async function expectIndexedStatements(): Promise<void> {
  const statements = [...unexplained];
  unexplained.clear();
  for (const [statement, values] of statements) {
    const database = isOfArchive(statement) ? env.TEST_AUDIT_DB : env.DB;
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).bind(...Array(values).fill(null));
    complaints.push(...complaintsOf((await plan.all<Step>()).results, statement));
  }
  expectNone(complaints.splice(0));
}
