/** Finds what is wrong with SQLite's plan for a statement. Both test projects, workerd and node, use this. */
import type { Query } from "drizzle-orm";
import { SQLiteD1Session } from "drizzle-orm/d1";
import { SQLiteRaw } from "drizzle-orm/sqlite-core/query-builders/raw";
import { COPYING, READ_WHOLE, SORTED } from "../budgets.ts";

/** The exceptions in the budgets that any statement has needed since the tests of this process began. */
export const neededExceptions = new Set<string>();

/** Makes Drizzle call `note` for each new statement that it prepares, with the number of its values. */
export function watchDrizzle(note: (statement: string, values: number) => void): void {
  const known = new Set<string>();
  const see = ({ sql, params }: Query) => {
    // `src/db/client.ts` quotes names like this.
    const statement = sql.replaceAll('"', "`");
    // `test/database.test.ts` reads a column that does not exist.
    if (!known.has(statement) && !statement.includes("`later`")) note(statement, params.length);
    known.add(statement);
  };
  // Replaces Drizzle's own methods, so that statements which tests prepare themselves are not noted.
  const { prepareQuery } = SQLiteD1Session.prototype;
  SQLiteD1Session.prototype.prepareQuery = function (query, ...options) {
    see(query);
    return prepareQuery.call(this, query, ...options) as ReturnType<typeof prepareQuery>;
  };
  // In a batch, statements that were written as raw SQL are prepared by this method instead.
  const { _prepare } = SQLiteRaw.prototype;
  SQLiteRaw.prototype._prepare = function () {
    see(this.getQuery());
    return _prepare.call(this);
  };
}

/** Whether this is the first call with this name in this process. Test files share a process and its loaded modules. */
export function isFirst(name: string): boolean {
  const key = Symbol.for(name);
  return !Reflect.has(globalThis, key) && Reflect.set(globalThis, key, true);
}

/** Whether a statement runs in the database for audit events. */
export const isOfArchive = (statement: string) => statement.includes("`archived_events`");

/** A row of EXPLAIN QUERY PLAN. */
export interface Step {
  detail?: unknown;
}

/** The faults of a statement's plan with the statement, as one text. Empty if there are none. */
export function complaintsOf(plan: readonly Step[], statement: string): string[] {
  const faults = faultsOf(
    plan.map(({ detail }) => String(detail)),
    statement,
  );
  return faults.length > 0 ? [`${faults.join(", ")}: ${statement}`] : [];
}

export function expectNone(complaints: readonly string[]): void {
  if (complaints.length === 0) return;
  throw new Error(["These need an index, or a line in test/budgets.ts:", ...complaints].join("\n"));
}

/** The steps of a plan that take longer the more rows a table has, even if the statement finds no more rows. */
export function faultsOf(plan: readonly string[], statement: string): string[] {
  const sorted = Object.keys(SORTED).find((start) => statement.trimStart().startsWith(start));
  const copying = Object.keys(COPYING).find((part) => statement.includes(part));
  // Reading the whole result of a subquery is no fault. The plan has other steps for how the subquery finds its rows.
  const subqueries = plan.flatMap((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\S+)/.exec(step)?.[1] ?? []);
  const isNeeded = (exception: string | undefined) => {
    if (exception !== undefined) neededExceptions.add(exception);
    return exception !== undefined;
  };
  return plan.filter((step) => {
    const [, table = "", index = ""] = /^SCAN (\S+)(?: USING (?:COVERING )?INDEX (\S+))?/.exec(step) ?? [];
    if (table === "") return /AUTOMATIC/.test(step) || (/TEMP B-TREE/.test(step) && !isNeeded(sorted));
    if (table.startsWith("(") || subqueries.includes(table)) return false;
    if (step === "SCAN CONSTANT ROW" || / VIRTUAL TABLE /.test(step)) return false;
    return !isNeeded(copying ?? [table, index].find((name) => Object.hasOwn(READ_WHOLE, name)));
  });
}
