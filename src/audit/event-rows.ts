/** Reads and changes one table of events: the one in `DB`, or the one in `AUDIT_DB`. */
import { and, desc, eq, getTableColumns, gt, gte, lt, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import type { auditEvents } from "../db/schema.ts";
import { earliestId, lastInOrder } from "../platform/random.ts";

type EventTable = typeof auditEvents;

export type AuditRow = EventTable["$inferSelect"];

/** Which events to read. Times are milliseconds since the epoch; `until` is exclusive. */
export interface AuditFilter {
  userId?: string | undefined;
  actorId?: string | undefined;
  /** Only what this user did to other accounts. */
  actorOnOthers?: string | undefined;
  type?: string | undefined;
  ipAddress?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
}

export interface AuditPage {
  /** The maximum number of events. */
  limit: number;
  /** Only events that are older than the one with this id. */
  before?: string | undefined;
}

/** Sorts after every id. As the default of `before`, it selects the first page. */
const LAST_ID = "g";

/**
 * How many events a page examines if the filter names an IP address. There is no index of IP addresses, because every
 * event would write one more row for the index, and only a few searches after an incident would read it. With this
 * bound, a page doesn't cost more if there are more events. But a page may be short although more pages follow.
 */
export const MOST_EXAMINED = 10_000;

/**
 * Reads a page of events, newest first. `shown` returns the SQL expression to read instead of a column with personal
 * data. `reached` is the id of the last event that was examined, if the page ended there before it was full.
 */
export async function readPage(
  db: Database,
  table: EventTable,
  filter: AuditFilter,
  { limit, before = LAST_ID }: AuditPage,
  shown: (column: SQLWrapper) => SQL<string | null> = (column) => sql`${column}`,
): Promise<{ rows: AuditRow[]; reached?: string | undefined }> {
  const { ipAddress, since, until } = filter;
  const begin = since === undefined ? undefined : earliestId(since);
  // Only one upper bound: with two, SQLite may start at the wrong one and read every event between them.
  const end = until === undefined ? before : smallerOf(before, earliestId(until));
  const select = (from: string | SQL | undefined, condition?: SQL) =>
    db
      .select({
        ...getTableColumns(table),
        ipAddress: shown(table.ipAddress),
        userAgent: shown(table.userAgent),
      })
      .from(table)
      .where(
        and(isMeant(table, filter), from === undefined ? undefined : gte(table.id, from), lt(table.id, end), condition),
      )
      .orderBy(desc(table.id))
      .limit(limit);
  if (ipAddress === undefined) return { rows: await select(begin) };

  const lastExamined = db
    .select({ id: table.id })
    .from(table)
    .where(and(isMeant(table, filter), begin === undefined ? undefined : gte(table.id, begin), lt(table.id, end)))
    .orderBy(desc(table.id))
    .limit(1)
    .offset(MOST_EXAMINED - 1);
  // Only one lower bound, for the same reason.
  const from = sql`coalesce((${lastExamined}), ${begin ?? ""})`;
  const found = await batchOf(db, {
    rows: select(from, and(eq(table.ipAddress, ipAddress), eq(shown(table.ipAddress), ipAddress))),
    reached: lastExamined,
  });
  return { rows: found.rows, reached: found.rows.length < limit ? found.reached[0]?.id : undefined };
}

/** The condition of a filter on users and type. Lets SQLite use only the index that reads the fewest events. */
function isMeant(table: EventTable, { userId, actorId, actorOnOthers, type }: AuditFilter) {
  // A plus sign before a column keeps SQLite from using the index of that column.
  const isOfUser = userId !== undefined;
  const isOfActor = actorId !== undefined || actorOnOthers !== undefined;
  const actorColumn = isOfUser ? sql`+${table.actorId}` : sql`${table.actorId}`;
  const typeColumn = isOfUser || isOfActor ? sql`+${table.type}` : sql`${table.type}`;
  return and(
    userId === undefined ? undefined : eq(table.userId, userId),
    actorId === undefined ? undefined : eq(actorColumn, actorId),
    actorOnOthers === undefined
      ? undefined
      : and(eq(actorColumn, actorOnOthers), sql`${table.userId} IS NOT ${actorOnOthers}`),
    type === undefined ? undefined : eq(typeColumn, type),
  );
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

/** Deletes up to `most` events that are older than `before`. Returns the number of deleted events. */
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
