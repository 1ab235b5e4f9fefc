import { inArray, type SQL } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Database } from "./client.ts";

/**
 * Deletes up to `most` of the rows that meet a condition, so that no statement blocks the database for long. `key` is
 * the table's primary key. Returns whether there may be more such rows.
 */
export async function deleteSome(
  db: Database,
  table: SQLiteTable,
  { key, condition, most }: { key: SQLiteColumn; condition: SQL; most: number },
): Promise<boolean> {
  const some = db.select({ key }).from(table).where(condition).limit(most);
  const deleted = await db.delete(table).where(inArray(key, some)).returning({ key });
  return deleted.length === most;
}
