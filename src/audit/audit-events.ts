/** Audit events in D1. Their ids are UUIDv7 of the time of the event, so the primary key is in time order. */
import { and, desc, eq, getTableColumns, gt, gte, lt, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { earliestId } from "../platform/random.ts";
import type { AuditEvent, AuditEventType } from "./event-types.ts";

export type AuditRow = typeof auditEvents.$inferSelect;

/** Selects events. Times are milliseconds since the epoch; `until` is exclusive. */
export interface AuditFilter {
  userId?: string | undefined;
  /** Events of this user's actions on other accounts. */
  actorOnOthers?: string | undefined;
  type?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
}

interface AuditPage {
  /** The maximum number of events. */
  limit: number;
  /** Only events that are older than the one with this id. */
  before?: string | undefined;
}

export type AuditEventStore = ReturnType<typeof createAuditEventStore>;

type Value = string | SQL | null;

/** An event as a change of D1 records it: what only the database knows is SQL. */
export interface EventRow extends Omit<AuditEvent, "type" | "actorId" | "userId"> {
  type: AuditEventType | SQL;
  actorId: Value;
  userId: Value;
}

/** Records an event if a condition holds. Belongs into the batch of the change that the event is about. */
export function insertEvent(db: Database, event: EventRow, condition: SQL) {
  const { id, type, occurredAt, actorId, userId, requestId, details } = event;
  const owner = actorId ?? userId;
  const ipAddress = unlessDeleted(owner, event.ipAddress);
  const userAgent = unlessDeleted(owner, event.userAgent);
  const facts = details === null ? null : JSON.stringify(details);
  return db
    .insert(auditEvents)
    .select(
      sql`SELECT ${id}, ${type}, ${occurredAt}, ${actorId}, ${userId}, ${ipAddress}, ${userAgent}, ${requestId}, ${facts} WHERE ${condition}`,
    );
}

export function createAuditEventStore(db: Database) {
  /** Hidden as soon as the user is deleted: the rows themselves are cleared step by step. */
  const shown = (column: SQLWrapper) =>
    sql<
      string | null
    >`CASE WHEN coalesce(${auditEvents.actorId}, ${auditEvents.userId}) IS NULL OR EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = coalesce(${auditEvents.actorId}, ${auditEvents.userId})) THEN ${column} END`;

  return {
    /** Adds events in one transaction. An event that already exists is not changed. */
    async add(events: AuditEvent[]) {
      const [first, ...others] = events.map((event) =>
        db.insert(auditEvents).values(rowOf(event)).onConflictDoNothing(),
      );
      if (first !== undefined) await db.batch([first, ...others]);
    },

    /** Newest first. */
    async list({ userId, actorOnOthers, type, since, until }: AuditFilter, { limit, before }: AuditPage) {
      return db
        .select({
          ...getTableColumns(auditEvents),
          ipAddress: shown(auditEvents.ipAddress),
          userAgent: shown(auditEvents.userAgent),
        })
        .from(auditEvents)
        .where(
          and(
            userId === undefined ? undefined : eq(auditEvents.userId, userId),
            actorOnOthers === undefined
              ? undefined
              : and(eq(auditEvents.actorId, actorOnOthers), sql`${auditEvents.userId} IS NOT ${actorOnOthers}`),
            type === undefined ? undefined : eq(auditEvents.type, type),
            since === undefined ? undefined : gte(auditEvents.id, earliestId(since)),
            until === undefined ? undefined : lt(auditEvents.id, earliestId(until)),
            before === undefined ? undefined : lt(auditEvents.id, before),
          ),
        )
        .orderBy(desc(auditEvents.id))
        .limit(limit);
    },

    /**
     * Takes the next `most` events of a deleted user after the event `after`, and removes the personal data from them:
     * from what the user did, and from what unauthenticated clients did to the account. For the actions of operators, the
     * operator's address stays. Returns the last event's id, or `undefined` if no more events are left.
     */
    async anonymise(userId: string, after: string, most: number) {
      // Each is a range of an index and nothing else filters it, so that a step reads no more events than it takes.
      const next = (column: typeof auditEvents.actorId | typeof auditEvents.userId) =>
        db
          .select({ id: auditEvents.id })
          .from(auditEvents)
          .where(and(eq(column, userId), gt(auditEvents.id, after)))
          .orderBy(auditEvents.id)
          .limit(most);
      const [done, suffered] = [next(auditEvents.actorId), next(auditEvents.userId)];
      const unlessOperators = (column: SQLWrapper) =>
        sql`CASE WHEN coalesce(${auditEvents.actorId}, ${auditEvents.userId}) IS NOT ${userId} THEN ${column} END`;
      const taken = await db
        .update(auditEvents)
        .set({
          ipAddress: unlessOperators(auditEvents.ipAddress),
          userAgent: unlessOperators(auditEvents.userAgent),
        })
        .where(
          sql`${auditEvents.id} IN (SELECT id FROM (SELECT * FROM (${done}) UNION SELECT * FROM (${suffered})) ORDER BY id LIMIT ${most})`,
        )
        .returning({ id: auditEvents.id });
      if (taken.length < most) return undefined;
      return taken.map(({ id }) => id).reduce((last, id) => (id > last ? id : last));
    },

    /** Deletes up to `most` events that are older than `before`. Returns how many. */
    async deleteOlder(before: number, most: number) {
      const oldest = db
        .select({ id: auditEvents.id })
        .from(auditEvents)
        .where(lt(auditEvents.id, earliestId(before)))
        .limit(most);
      const deleted = await db
        .delete(auditEvents)
        .where(sql`${auditEvents.id} IN ${oldest}`)
        .returning({ id: auditEvents.id });
      return deleted.length;
    },
  };
}

function rowOf(event: AuditEvent) {
  const { ipAddress, userAgent, details, ...rest } = event;
  const owner = event.actorId ?? event.userId;
  return {
    ...rest,
    ipAddress: unlessDeleted(owner, ipAddress),
    userAgent: unlessDeleted(owner, userAgent),
    details: details === null ? null : JSON.stringify(details),
  };
}

/** An event may arrive after its user was deleted. It must not restore personal data. */
function unlessDeleted(owner: Value, value: string | null) {
  return owner === null || value === null
    ? value
    : sql`CASE WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${owner}) THEN ${value} END`;
}
