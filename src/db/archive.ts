/**
 * `AUDIT_DB`: a separate database for audit events, which the operator can bind. Its table and the table in `DB` have
 * different names. So if both bindings name the same database by mistake, events are copied from one table to the
 * other, and none is lost.
 */
import { getTableColumns } from "drizzle-orm";
import { eventTable } from "./schema.ts";

/** In SQL, this table has one more column, `stored_at`, which the database fills by default. */
export const archivedEvents = eventTable("archived_events");

/** The file names in `migrations/audit/`, oldest first. */
export const ARCHIVE_MIGRATIONS: readonly string[] = ["0000_archived-events.sql"];

const MEMBERS = Object.keys(getTableColumns(archivedEvents));

/** Makes an event from its values, which are in the order of the columns. */
export function eventOfValues(values: readonly unknown[]) {
  return Object.fromEntries(MEMBERS.map((name, index) => [name, values[index]])) as typeof archivedEvents.$inferSelect;
}
