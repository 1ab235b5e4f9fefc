/** Reads and changes one table of events: the one in `DB`, or the one in `AUDIT_DB`. */
import { and, desc, eq, getTableColumns, gt, gte, lt, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import type { auditEvents } from "../db/schema.ts";
import { earliestId, lastInOrder } from "../platform/random.ts";

export type EventTable = typeof auditEvents;

export type AuditRow = EventTable["$inferSelect"];

/** Selects events. Times are milliseconds since the epoch; `until` is exclusive. */
export interface AuditFilter {
  userId?: string | undefined;
  /** Only what this user did to other accounts. */
  actorOnOthers?: string | undefined;
  type?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
}

export interface AuditPage {
  /** The maximum number of events. */
  limit: number;
  /** Only events that are older than the one with this id. */
  before?: string | undefined;
}

/** Sorts after every id, so that the first page is read like the others. */
const LAST_ID = "g";

/** Selects a page of events, newest first. `shown` replaces the columns with personal data. */
export function selectPage(
  db: Database,
  table: EventTable,
  { userId, actorOnOthers, type, since, until }: AuditFilter,
  { limit, before = LAST_ID }: AuditPage,
  shown: (column: SQLWrapper) => SQL<string | null> = (column) => sql`${column}`,
) {
  // Only one upper bound: with two, SQLite may start at the wrong one and read every event between them.
  const end = until === undefined ? before : smallerOf(before, earliestId(until));
  // The plus sign keeps SQLite from using the index of types, which would read the events of this type of all users.
  const typeColumn = userId === undefined ? sql`${table.type}` : sql`+${table.type}`;
  return db
    .select({
      ...getTableColumns(table),
      ipAddress: shown(table.ipAddress),
      userAgent: shown(table.userAgent),
    })
    .from(table)
    .where(
      and(
        userId === undefined ? undefined : eq(table.userId, userId),
        actorOnOthers === undefined
          ? undefined
          : and(eq(table.actorId, actorOnOthers), sql`${table.userId} IS NOT ${actorOnOthers}`),
        type === undefined ? undefined : eq(typeColumn, type),
        since === undefined ? undefined : gte(table.id, earliestId(since)),
        lt(table.id, end),
      ),
    )
    .orderBy(desc(table.id))
    .limit(limit);
}

/**
 * Removes the personal data from the next `most` events of a deleted user, in the order of their ids and after the id
 * `after`. These events are the user's own actions, and what unauthenticated clients did to the account. The actions of
 * operators on the account keep the operator's IP address. Returns the id of the last event, or `undefined` if no more
 * events are left.
 */
export async function anonymiseRows(db: Database, table: EventTable, userId: string, after: string, most: number) {
  // Each query reads one range of an index and filters nothing else, so that a step reads no more events than it takes.
  const next = (column: typeof table.actorId | typeof table.userId) =>
    db
      .select({ id: table.id })
      .from(table)
      .where(and(eq(column, userId), gt(table.id, after)))
      .orderBy(table.id)
      .limit(most);
  const [done, suffered] = [next(table.actorId), next(table.userId)];
  const unlessOperators = (column: SQLWrapper) =>
    sql`CASE WHEN coalesce(${table.actorId}, ${table.userId}) IS NOT ${userId} THEN ${column} END`;
  const taken = await db
    .update(table)
    .set({
      ipAddress: unlessOperators(table.ipAddress),
      userAgent: unlessOperators(table.userAgent),
    })
    .where(
      sql`${table.id} IN (SELECT id FROM (SELECT * FROM (${done}) UNION SELECT * FROM (${suffered})) ORDER BY id LIMIT ${most})`,
    )
    .returning({ id: table.id });
  if (taken.length < most) return undefined;
  return lastInOrder(taken.map(({ id }) => id));
}

/** Deletes up to `most` events that are older than `before`. Returns how many. */
export async function deleteOlderRows(db: Database, table: EventTable, before: number, most: number) {
  const oldest = db
    .select({ id: table.id })
    .from(table)
    .where(lt(table.id, earliestId(before)))
    .limit(most);
  const deleted = await db.delete(table).where(sql`${table.id} IN ${oldest}`).returning({ id: table.id });
  return deleted.length;
}

function smallerOf(left: string, right: string): string {
  return left < right ? left : right;
}
