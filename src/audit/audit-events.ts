/** Audit events in D1. Their ids are UUIDv7 of the time of the event, so the primary key is in time order. */
import { and, desc, eq, gte, lt, type SQLWrapper, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { earliestId } from "../platform/random.ts";
import type { AuditEvent } from "./event-types.ts";

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

/**
 * Removes personal data from the events of users who are about to be deleted: from what they did, and from what
 * unauthenticated clients did to their accounts. For the actions of operators, the operator's address stays. `ids`
 * selects the users.
 */
export function anonymiseEvents(db: Database, ids: SQLWrapper) {
  const isTheirs = sql`coalesce(${auditEvents.actorId}, ${auditEvents.userId}) IN ${ids}`;
  return db
    .update(auditEvents)
    .set({ ipAddress: null, userAgent: null })
    .where(and(sql`(${auditEvents.actorId} IN ${ids} OR ${auditEvents.userId} IN ${ids})`, isTheirs));
}

export function createAuditEventStore(db: Database) {
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
        .select()
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
  // An event may arrive after its user was deleted. It must not restore personal data.
  const unlessDeleted = (value: string | null) =>
    owner === null || value === null
      ? value
      : sql`CASE WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${owner}) THEN ${value} END`;
  return {
    ...rest,
    ipAddress: unlessDeleted(ipAddress),
    userAgent: unlessDeleted(userAgent),
    details: details === null ? null : JSON.stringify(details),
  };
}
