/**
 * Moves audit events from `DB` to `AUDIT_DB`. Events are written to `DB` first, in the batch of the change that they
 * record. An event is first copied, and later deleted from `DB`, so that no failure can lose it. If an event is copied
 * twice, `AUDIT_DB` ignores the second copy, which has the same id.
 */
import { and, eq, getTableColumns, inArray, isNotNull, lt, notExists, or, type SQL, sql } from "drizzle-orm";
import { archivedEvents } from "../db/archive.ts";
import { batchOf, type Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { SECOND } from "../platform/clock.ts";
import { earliestId, timeOfId } from "../platform/random.ts";
import { namesOf } from "../platform/records.ts";
import type { AuditRow } from "./event-rows.ts";
import { AUDIT_EVENT_TYPES, type AuditEventType } from "./event-types.ts";

/**
 * The shortest time for which an event is in both databases. A list of events reads both databases at once, and no
 * statement of D1 takes longer than 30 s. So the list finds an event in at least one of them, even if the event is
 * moved meanwhile.
 */
const SETTLING = 40 * SECOND;

/**
 * Types that stay in `DB`, because statements in `DB` query these events: to find out whether a file was imported, and
 * when a link for the first superuser was written.
 */
const KEPT_TYPES: readonly AuditEventType[] = ["data_imported", "first_superuser_link_logged"];
/**
 * Types that are moved late, because statements in `DB` query these events for a while. The import of users queries
 * them while it can be continued, and while an account that it added can still be unverified.
 */
const LATE_TYPES: readonly AuditEventType[] = ["account_imported"];
const MOVED_TYPES = namesOf(AUDIT_EVENT_TYPES).filter((type) => ![...KEPT_TYPES, ...LATE_TYPES].includes(type));

/** Whether the next run of the cron job moves events of this type. */
export function isMovedSoon(type: string): boolean {
  return MOVED_TYPES.some((moved) => moved === type);
}

export function createEventArchive(archive: Database, db: Database) {
  /**
   * Adds events to `AUDIT_DB`. Events that are already there stay unchanged. Returns the ids of the events that have
   * been in `AUDIT_DB` long enough to be deleted from `DB`.
   */
  async function add(events: readonly AuditRow[]): Promise<string[]> {
    if (events.length === 0) return [];
    const { id } = archivedEvents;
    const ids = events.map((event) => event.id);
    const names = namesOf<keyof AuditRow>(getTableColumns(archivedEvents));
    const values = names.map((name) => sql`value ->> ${sql.raw(`'$.${name}'`)}`);
    const { settled } = await batchOf(archive, {
      settled: archive
        .select({ id })
        .from(archivedEvents)
        .where(and(isAmong(id, ids), sql`stored_at <= unixepoch() - ${SETTLING / SECOND}`)),
      added: archive
        .insert(archivedEvents)
        .select(sql`SELECT ${sql.join(values, sql`, `)} FROM json_each(${JSON.stringify(events)}) WHERE true`)
        .onConflictDoNothing(),
    });
    await forgetDeleted(events);
    return settled.map((event) => event.id);
  }

  /**
   * Removes the personal data of users who were deleted after these events were read from `DB`. For these users, the
   * removal may already have run in `AUDIT_DB`, before the events were added. Checks all events, even those that
   * `AUDIT_DB` already had: such a copy can still have personal data that was removed from the event in `DB`.
   */
  async function forgetDeleted(events: readonly AuditRow[]): Promise<void> {
    const deleted = await deletedOwners(db, events);
    const theirs = events.filter((event) => deleted.has(ownerOf(event) ?? "")).map(({ id }) => id);
    if (theirs.length === 0) return;
    const { id, ipAddress, userAgent } = archivedEvents;
    await archive
      .update(archivedEvents)
      .set({ ipAddress: null, userAgent: null })
      .where(and(isAmong(id, theirs), or(isNotNull(ipAddress), isNotNull(userAgent))));
  }

  /** Moves up to `most` events after `last`. Returns the last event, or `undefined` if no more are left. */
  async function moveNext({ types, before }: Walk, last: AuditRow | undefined, most: number) {
    const { id, type } = auditEvents;
    const rows = await db
      .select()
      .from(auditEvents)
      .where(
        and(
          inArray(type, [...types]),
          before === undefined ? undefined : lt(id, before),
          last === undefined ? undefined : sql`(${type}, ${id}) > (${last.type}, ${last.id})`,
        ),
      )
      // An index has this order, so SQLite can skip the types that stay.
      .orderBy(type, id)
      .limit(most);
    const settled = await add(rows);
    if (settled.length > 0) await db.delete(auditEvents).where(isAmong(id, settled));
    return rows.length < most ? undefined : rows.at(-1);
  }

  return {
    add,

    /**
     * Returns a function. Each call moves the next `most` events and returns whether there may be more. Events of
     * `LATE_TYPES` are moved only if they are older than `importedBefore`.
     */
    drain(importedBefore: number, most: number): () => Promise<boolean> {
      const walks: Walk[] = [{ types: MOVED_TYPES }, { types: LATE_TYPES, before: earliestId(importedBefore) }];
      let last: AuditRow | undefined;
      return async () => {
        const [walk] = walks;
        if (walk === undefined) return false;
        last = await moveNext(walk, last, most);
        if (last === undefined) walks.shift();
        return walks.length > 0;
      };
    },
  };
}

/** How many events wait to be moved, and when the oldest of them happened. Stops counting at `most` + 1. */
export async function readUnmoved(
  db: Database,
  most: number,
): Promise<{ count: number; oldestAt: number | undefined }> {
  const { id, type } = auditEvents;
  const some = db
    .select({ id })
    .from(auditEvents)
    .where(inArray(type, [...MOVED_TYPES]))
    .limit(most + 1);
  // Looks up the first event of each type, because many older events may be of types that are not moved.
  const firsts = sql`SELECT (SELECT min(id) FROM ${auditEvents} WHERE type = value) AS id FROM json_each(${JSON.stringify(MOVED_TYPES)})`;
  const { count, oldest } = await db.get<{ count: number; oldest: string | null }>(
    sql`SELECT (SELECT count(*) FROM ${some}) AS count, (SELECT min(id) FROM (${firsts})) AS oldest`,
  );
  return { count, oldestAt: oldest === null ? undefined : timeOfId(oldest) };
}

interface Walk {
  types: readonly AuditEventType[];
  before?: string;
}

/** The user whose personal data an event contains: the actor or, without an actor, the user concerned, if any. */
export function ownerOf({ actorId, userId }: Pick<AuditRow, "actorId" | "userId">): string | null {
  return actorId ?? userId;
}

/** The ids of the events' owners who no longer exist. */
export async function deletedOwners(db: Database, events: readonly AuditRow[]): Promise<Set<string>> {
  const owners = new Set(events.map(ownerOf).filter((owner) => owner !== null));
  if (owners.size === 0) return new Set();
  const owner = sql<string>`value`;
  const deleted = await db
    .select({ id: owner.as("id") })
    .from(sql`json_each(${JSON.stringify([...owners])})`)
    .where(notExists(db.select({ id: users.id }).from(users).where(eq(users.id, owner))));
  return new Set(deleted.map(({ id }) => id));
}

/** Binds all ids as one value, because D1 allows only 100 bound values in a statement. */
function isAmong(column: typeof auditEvents.id, ids: readonly string[]): SQL {
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
}
