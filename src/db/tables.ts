/** Every table of the schema, for code that copies the whole database and treats all tables in the same way. */
import { is } from "drizzle-orm";
import { getTableConfig, SQLiteTable } from "drizzle-orm/sqlite-core";
import { archivedEvents } from "./archive.ts";
import * as schema from "./schema.ts";

export interface Table {
  name: string;
  columns: string[];
  /** The column of the primary key. */
  key: string;
}

export interface SchemaTable extends Table {
  inSchema: SQLiteTable;
}

/**
 * The tables in the order of the schema, but with follow-ups last. The cron job carries out follow-ups as soon as they
 * are imported, and needs all other rows for that.
 */
export const TABLES: readonly SchemaTable[] = Object.values(schema)
  .filter((value) => is(value, SQLiteTable))
  .map(describeTable)
  .toSorted((left, right) => Number(left.name === "follow_ups") - Number(right.name === "follow_ups"));

export const SIGNING_KEYS = describeTable(schema.signingKeys);
export const AUDIT_EVENTS = describeTable(schema.auditEvents);
/** The table in `AUDIT_DB`. */
export const ARCHIVED_EVENTS = describeTable(archivedEvents);

/** Quotes names for SQL. */
export const quoted = (...names: string[]) => names.map((name) => `\`${name}\``).join(", ");

/**
 * A query with one result row: the number of rows in a table, and a checksum of their values. Two different states of a
 * table practically never have the same result.
 */
export function summaryQuery({ name, columns }: Table): string {
  const marks = columns.map((column, index) => `${index + 1} * ${markOf(quoted(column))}`);
  return `SELECT count(*) AS count, coalesce(sum(${marks.join(" + ")}), 0) AS checksum FROM ${quoted(name)}`;
}

/** SQL that makes a number from a value, so small that the sum over ten million rows is exact in JavaScript. */
function markOf(column: string): string {
  const ofText = `length(${column}) * 31 + coalesce(unicode(${column}), 3) % 1009`;
  return `CASE typeof(${column}) WHEN 'null' THEN 7 WHEN 'text' THEN ${ofText} ELSE CAST(${column} AS INTEGER) % 1000003 END`;
}

export function describeTable(table: SQLiteTable): SchemaTable {
  const { name, columns } = getTableConfig(table);
  const [key, ...others] = columns.filter(({ primary }) => primary);
  if (key === undefined || others.length > 0) throw new Error(`${name} has no primary key of one column.`);
  return { inSchema: table, name, columns: columns.map((column) => column.name), key: key.name };
}
