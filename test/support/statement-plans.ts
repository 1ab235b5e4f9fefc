/**
 * Holds every statement that a test makes the service run to its plan: SQLite must find the rows by a key or an index,
 * and in their order. Each statement is explained by the database that runs it.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SQLiteD1Session } from "drizzle-orm/d1";
import { READ_WHOLE, SORTED } from "../budgets.ts";

/** How many values each statement of D1 takes that is not explained yet. */
const unexplained = new Map<string, number>();
const known = new Set<string>();
const costly: string[] = [];

/** From now on, notes the statements of D1 and of Durable Objects. Once per isolate: files share what they prepare. */
export async function watchStatements(): Promise<void> {
  const watched = Symbol.for("watches statements");
  if (Reflect.has(SQLiteD1Session.prototype, watched)) return;
  Reflect.set(SQLiteD1Session.prototype, watched, true);

  // Drizzle's own method: tests prepare statements of their own without Drizzle.
  const { prepareQuery } = SQLiteD1Session.prototype;
  SQLiteD1Session.prototype.prepareQuery = function (query, ...options) {
    // As `src/db/client.ts` quotes names.
    const statement = query.sql.replaceAll('"', "`");
    if (!known.has(statement)) unexplained.set(statement, query.params.length);
    known.add(statement);
    return prepareQuery.call(this, query, ...options) as ReturnType<typeof prepareQuery>;
  };

  await runInDurableObject(env.USER_SESSIONS.getByName("of the statements"), (_, { storage }) => {
    const prototype: SqlStorage = Object.getPrototypeOf(storage.sql);
    const { exec } = prototype;
    prototype.exec = function (this: SqlStorage, query: string, ...values: unknown[]) {
      if (!known.has(query) && !/^\s*(CREATE|EXPLAIN)/.test(query)) {
        known.add(query);
        judge(query, exec.call(this, `EXPLAIN QUERY PLAN ${query}`, ...values).toArray() as unknown as Step[]);
      }
      return exec.call(this, query, ...values);
    } as SqlStorage["exec"];
  });
}

/** Fails if a statement since the last call reads a whole table or sorts rows, unless the budgets say why it may. */
export async function expectIndexedStatements(): Promise<void> {
  const statements = [...unexplained];
  unexplained.clear();
  for (const [statement, values] of statements) {
    // `test/database.test.ts` reads a column that does not exist.
    if (statement.includes("`later`")) continue;
    const database = statement.includes("`archived_events`") ? env.TEST_AUDIT_DB : env.DB;
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).bind(...Array(values).fill(null));
    judge(statement, (await plan.all<Step>()).results);
  }
  const faults = costly.splice(0);
  if (faults.length > 0) throw new Error(["These need an index, or a line in test/budgets.ts:", ...faults].join("\n"));
}

interface Step {
  detail: string;
}

function judge(statement: string, plan: Step[]): void {
  const faults = faultsOf(
    plan.map(({ detail }) => detail),
    statement,
  );
  if (faults.length > 0) costly.push(`${faults.join(", ")}: ${statement}`);
}

/** The steps of a plan that take longer the more rows there are, though the statement finds no more. */
export function faultsOf(plan: string[], statement: string): string[] {
  const maySort = Object.keys(SORTED).some((start) => statement.trimStart().startsWith(start));
  // What a subquery gives is read whole. How the subquery finds it are steps of their own.
  const subqueries = plan.flatMap((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\S+)/.exec(step)?.[1] ?? []);
  const mayScan = (name: string) =>
    Object.hasOwn(READ_WHOLE, name) || name.startsWith("(") || subqueries.includes(name);
  return plan.filter((step) => {
    const [, table = "", index = ""] = /^SCAN (\S+)(?: USING (?:COVERING )?INDEX (\S+))?/.exec(step) ?? [];
    if (table === "") return /AUTOMATIC/.test(step) || (/TEMP B-TREE/.test(step) && !maySort);
    return !(mayScan(table) || mayScan(index) || step === "SCAN CONSTANT ROW" || / VIRTUAL TABLE /.test(step));
  });
}
