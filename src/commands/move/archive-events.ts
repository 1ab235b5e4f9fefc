/**
 * Adds a backup's audit events directly to `AUDIT_DB`, if the service has one, because the events may not fit into the
 * database of the users.
 */
import { createEventArchive, isMovedSoon } from "../../audit/archive.ts";
import { eventOfValues } from "../../db/archive.ts";
import type { Database } from "../../db/client.ts";
import type { Value } from "../../db/directory-copy.ts";
import { AUDIT_EVENTS, type Table } from "../../db/tables.ts";

/**
 * If the rows are audit events, adds to `AUDIT_DB` the events that the cron job would soon move there. Adding an event
 * twice changes nothing. Returns the other rows, which belong in `DB`.
 */
export async function archiveEvents(archive: Database, db: Database, table: Table, rows: Value[][]) {
  if (table.name !== AUDIT_EVENTS.name) return rows;
  const type = table.columns.indexOf("type");
  const isMoved = (row: Value[]) => isMovedSoon(String(row[type]));
  await createEventArchive(archive, db).add(rows.filter(isMoved).map(eventOfValues));
  return rows.filter((row) => !isMoved(row));
}
