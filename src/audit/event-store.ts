/**
 * The store of audit events. The id of an event is a UUIDv7 of its time, so the primary key is in time order. Without
 * `AUDIT_DB`, all events are in `DB`. With `AUDIT_DB`, the cron job moves events there, except a few types that stay
 * (`archive.ts`).
 */
import { SQL, type SQLWrapper, sql } from "drizzle-orm";
import { archivedEvents } from "../db/archive.ts";
import type { Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { createEventArchive, deletedOwners, ownerOf } from "./archive.ts";
import {
  type AuditFilter,
  type AuditPage,
  type AuditRow,
  anonymiseRows,
  deleteOlderRows,
  readPage,
} from "./event-rows.ts";
import type { AuditEvent, AuditEventType } from "./event-types.ts";

export type AuditEventStore = ReturnType<typeof createAuditEventStore>;

type Value = string | SQL | null;

/** An event that is recorded with a change in D1. A value that only the database knows is an SQL expression. */
export interface EventRow extends Omit<AuditEvent, "type" | "actorId" | "userId" | "details"> {
  type: AuditEventType | SQL;
  actorId: Value;
  userId: Value;
  details: AuditEvent["details"] | SQL;
}

/** Records an event if a condition holds. Use it in the batch of the change that the event is about. */
export function insertEvent(db: Database, event: EventRow, condition: SQL) {
  const { id, type, occurredAt, actorId, userId, requestId, details } = event;
  const owner = actorId ?? userId;
  const ipAddress = unlessDeleted(owner, event.ipAddress);
  const userAgent = unlessDeleted(owner, event.userAgent);
  const facts = details === null || details instanceof SQL ? details : JSON.stringify(details);
  return db
    .insert(auditEvents)
    .select(
      sql`SELECT ${id}, ${type}, ${occurredAt}, ${actorId}, ${userId}, ${ipAddress}, ${userAgent}, ${requestId}, ${facts} WHERE ${condition}`,
    );
}

export function createAuditEventStore(db: Database, archiveDb?: Database) {
  const archive = archiveDb && createEventArchive(archiveDb, db);
  /** The databases that have events, each with its table. */
  const places = [
    { at: db, table: auditEvents },
    ...(archiveDb === undefined ? [] : [{ at: archiveDb, table: archivedEvents }]),
  ];

  /** Adds events to `DB` in one transaction. Does not need `AUDIT_DB`. An event that already exists is not changed. */
  async function stage(events: AuditEvent[]): Promise<void> {
    const [first, ...others] = events.map((event) => db.insert(auditEvents).values(rowOf(event)).onConflictDoNothing());
    if (first !== undefined) await db.batch([first, ...others]);
  }

  return {
    stage,

    /** Adds events in one transaction: to `AUDIT_DB` if it is bound, otherwise to `DB`. Existing events stay as is. */
    async add(events: AuditEvent[]): Promise<void> {
      await (archive === undefined ? stage(events) : archive.add(events.map(storedForm)));
    },

    /**
     * Lists up to `limit` events, newest first. `next` is `before` of the next page; `null` after the last page. If the
     * filter names an IP address, a page may have fewer events, even none, although more pages follow. `living` is the
     * id of a user who is known to exist, so that no query has to check this.
     */
    async list(
      filter: AuditFilter,
      { limit, before }: AuditPage,
      living?: string,
    ): Promise<{ events: AuditRow[]; next: string | null }> {
      // The additional event only shows that another page follows.
      const page = { limit: limit + 1, before };
      const [own, archived] = await Promise.all([
        readPage(db, auditEvents, filter, page, shown),
        archiveDb === undefined ? { rows: [] } : readPage(archiveDb, archivedEvents, filter, page),
      ]);
      // An event that is being moved is in both databases. The copy in `DB` counts: its personal data is already hidden
      // if the user was deleted.
      const known = new Set(own.rows.map(({ id }) => id));
      const others = archived.rows.filter(({ id }) => !known.has(id));
      const doubtful = others.filter((row) => hasPersonalData(row) && ownerOf(row) !== living);
      const deleted = await deletedOwners(db, doubtful);
      const isDeleted = (row: AuditRow) => deleted.has(ownerOf(row) ?? "");
      const visible =
        filter.ipAddress === undefined
          ? others.map((row) => (isDeleted(row) ? { ...row, ipAddress: null, userAgent: null } : row))
          : others.filter((row) => !isDeleted(row));
      // The pages of both databases are complete down to this id. One of the databases may have more, older events.
      const [bound] = [lastOf(own, page.limit), lastOf(archived, page.limit)]
        .filter((id) => id !== undefined)
        .toSorted()
        .toReversed();
      const events = [...own.rows, ...visible]
        .filter(({ id }) => bound === undefined || id >= bound)
        .toSorted((left, right) => (left.id < right.id ? 1 : -1));
      const next = events.length > limit ? events[limit - 1]?.id : bound;
      return { events: events.slice(0, limit), next: next ?? null };
    },

    /**
     * Removes the personal data from the next `most` events of a deleted user in each database, in the order of their
     * ids and after the id `after`. Returns `after` for the next call, or `undefined` if no more events are left.
     */
    async anonymise(userId: string, after: string, most: number) {
      const lasts = await Promise.all(places.map(({ at, table }) => anonymiseRows(at, table, userId, after, most)));
      return lasts.filter((last) => last !== undefined).toSorted()[0];
    },

    /**
     * Deletes up to `most` events that are older than `before` from each database. Returns the larger of the two
     * numbers of deleted events.
     */
    async deleteOlder(before: number, most: number) {
      return Math.max(...(await Promise.all(places.map(({ at, table }) => deleteOlderRows(at, table, before, most)))));
    },

    /** Moves events to `AUDIT_DB`, if it is bound: see `drain` of {@link createEventArchive}. */
    drain: (importedBefore: number, most: number) => archive?.drain(importedBefore, most) ?? (async () => false),
  };
}

/** Hides personal data as soon as the user is deleted. A follow-up clears the rows afterwards, step by step. */
const shown = (column: SQLWrapper) =>
  sql<
    string | null
  >`CASE WHEN coalesce(${auditEvents.actorId}, ${auditEvents.userId}) IS NULL OR EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = coalesce(${auditEvents.actorId}, ${auditEvents.userId})) THEN ${column} END`;

/** The last event that a page shows or has examined, if more events may follow it. */
function lastOf({ rows, reached }: Awaited<ReturnType<typeof readPage>>, limit: number): string | undefined {
  return rows.length === limit ? rows.at(-1)?.id : reached;
}

const hasPersonalData = ({ ipAddress, userAgent }: AuditRow) => ipAddress !== null || userAgent !== null;

function rowOf(event: AuditEvent) {
  const owner = ownerOf(event);
  const [ipAddress, userAgent] = [event.ipAddress, event.userAgent].map((value) => unlessDeleted(owner, value));
  return { ...storedForm(event), ipAddress, userAgent };
}

function storedForm(event: AuditEvent): AuditRow {
  return { ...event, details: event.details === null ? null : JSON.stringify(event.details) };
}

/** An event may arrive after its user was deleted. Such an event must not restore personal data. */
function unlessDeleted(owner: Value, value: string | null) {
  return owner === null || value === null
    ? value
    : sql`CASE WHEN EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${owner}) THEN ${value} END`;
}
