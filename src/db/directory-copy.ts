/** Copies the whole database `DB`, table by table: reads it for a copy, and fills an empty database from a copy. */
import { eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { Database } from "./client.ts";
import { auditEvents } from "./schema.ts";
import { ARCHIVED_EVENTS, quoted, type SchemaTable, SIGNING_KEYS, summaryQuery, TABLES, type Table } from "./tables.ts";

/** A value in a column of these tables. */
export type Value = string | number | null;

/** A summary of a table. If two summaries are equal, the two tables almost certainly have the same rows. */
interface Summary {
  count: number;
  checksum: number;
}

/** `archive` is `AUDIT_DB`, if it is bound. */
export function createDirectorySource(db: Database, archive?: Database) {
  return {
    /** The summaries of all tables. All tables of one database are read at the same moment. */
    async summaries(): Promise<Summary[]> {
      const results = await runBatch(
        db,
        TABLES.map((table) => db.all<Summary>(sql.raw(summaryQuery(table)))),
      );
      const ofArchive = await archive?.all<Summary>(sql.raw(summaryQuery(ARCHIVED_EVENTS)));
      return [...(results as [Summary][]).map(([summary]) => summary), ...(ofArchive ?? [])];
    },

    /** The SQL statements that create the tables, and the statements that create the indexes. */
    async statements(): Promise<{ tables: string[]; indexes: string[] }> {
      const names = JSON.stringify([...TABLES.map(({ name }) => name), "d1_migrations"]);
      const rows = await db.all<{ type: string; sql: string }>(
        sql`SELECT type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name IN (SELECT value FROM json_each(${names})) ORDER BY name`,
      );
      const ofType = (type: string) => rows.filter((row) => row.type === type).map((row) => row.sql);
      return { tables: ofType("table"), indexes: ofType("index") };
    },

    /** The next rows of a table after the row with the key `after`; the first rows if `after` is `null`. */
    page: (table: Table, after: Value, most: number) => readPage(db, table, after, most),

    /** The next events in `AUDIT_DB`, even if `DB` still has some of them too. Empty without `AUDIT_DB`. */
    async archivedPage(after: Value, most: number): Promise<Value[][]> {
      return archive === undefined ? [] : readPage(archive, ARCHIVED_EVENTS, after, most);
    },

    /** Which of these ids belong to audit events in `DB`. */
    async staged(ids: readonly Value[]): Promise<Set<Value>> {
      const found = await db.values<[string]>(
        sql`SELECT id FROM ${auditEvents} WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
      );
      return new Set(found.flat());
    },
  };
}

function readPage(db: Database, { name, columns, key }: Table, after: Value, most: number): Promise<Value[][]> {
  const isLater = after === null ? sql`true` : sql`${sql.raw(quoted(key))} > ${after}`;
  return db.values<Value[]>(
    sql`SELECT ${sql.raw(quoted(...columns))} FROM ${sql.raw(quoted(name))} WHERE ${isLater} ORDER BY ${sql.raw(quoted(key))} LIMIT ${most}`,
  );
}

/** The audit event of an import, which also stores the progress of the import. */
export interface ImportEvent {
  id: string;
  /** SHA-256 of the file, base64url. */
  file: string;
  /** How many rows the import has added so far. */
  rows: number;
  /** How many users the file contains. Absent until the import is finished. */
  users?: number;
}

const IMPORTED = "data_imported";

export function createDirectoryTarget(db: Database) {
  const noteProgress = ({ id, ...progress }: ImportEvent) =>
    db
      .update(auditEvents)
      .set({ details: JSON.stringify(progress) })
      .where(eq(auditEvents.id, id));

  /** Binds all rows as one value, because D1 allows only 100 bound values in a statement, each of up to 2 MB. */
  const insertRows = ({ inSchema, columns }: SchemaTable, rows: Value[][]) => {
    const values = sql.raw(columns.map((_, index) => `value->>${index}`).join(", "));
    return db.insert(inSchema).select(sql`SELECT ${values} FROM json_each(${JSON.stringify(rows)})`);
  };

  return {
    /** The number of users and pending registrations. */
    async countPeople(): Promise<number> {
      const { count } = await db.get<{ count: number }>(
        sql`SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM registrations) AS count`,
      );
      return count;
    },

    /** Finds the event of an earlier import of this file, whether or not that import was finished. */
    async findImport(file: string): Promise<ImportEvent | undefined> {
      const [found] = await db.all<{ id: string; rows: number; users: number | null }>(
        sql`SELECT id, details->>'rows' AS rows, details->>'users' AS users FROM ${auditEvents}
          WHERE type = ${IMPORTED} AND details->>'file' = ${file}`,
      );
      if (found === undefined) return undefined;
      const { id, rows, users } = found;
      return { id, file, rows, ...(users === null ? {} : { users }) };
    },

    /**
     * Empties the tables that a new service has filled by itself, and adds the signing keys. One transaction does both,
     * because between two transactions, the service could create its own signing key.
     */
    async begin({ id, ...progress }: ImportEvent, occurredAt: number, keys: Value[][]): Promise<void> {
      const own = TABLES.filter(({ name }) => name !== "users" && name !== "registrations");
      const event = { id, type: IMPORTED, occurredAt, details: JSON.stringify(progress) };
      await runBatch(db, [
        ...own.map(({ inSchema }) => db.delete(inSchema)),
        insertRows(SIGNING_KEYS, keys),
        db.insert(auditEvents).values(event),
      ]);
    },

    /** Adds rows. The same transaction stores the progress of the import, so that no row is ever added twice. */
    async add(table: SchemaTable, rows: Value[][], progress: ImportEvent): Promise<void> {
      await runBatch(db, [insertRows(table, rows), noteProgress(progress)]);
    },

    async note(progress: ImportEvent): Promise<void> {
      await noteProgress(progress);
    },
  };
}

/** Runs one or more statements as one transaction. */
function runBatch(db: Database, statements: BatchItem<"sqlite">[]) {
  return db.batch(statements as [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]]);
}
