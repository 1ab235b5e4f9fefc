/** Follow-ups in D1 that no request has carried out yet. */
import { asc, count, eq, inArray, lte, min, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { followUps } from "../db/schema.ts";
import { timeOfId } from "../platform/random.ts";

/** The most rows that a readiness check or a scrape of `/metrics` reads, even if an outage has left more. */
const MOST_READ = 1_000;

export type FollowUpRow = typeof followUps.$inferSelect;

export type FollowUpRows = ReturnType<typeof createFollowUpRows>;

export function createFollowUpRows(db: Database) {
  const { id, kind } = followUps;
  const first = db.select({ id, kind }).from(followUps).orderBy(asc(id)).limit(MOST_READ).as("first_rows");
  const waiting = () =>
    db
      .select({ kind: first.kind, count: count(), firstId: min(first.id) })
      .from(first)
      .groupBy(first.kind);

  return {
    /**
     * Takes up to `most` follow-ups that are due, in the order of their due times, and postpones them until `until`.
     * Before `until`, no other run of the cron job takes them. After it, another run takes those still stored.
     */
    async take(now: number, until: number, most: number): Promise<FollowUpRow[]> {
      const due = db
        .select({ id: followUps.id })
        .from(followUps)
        .where(lte(followUps.dueAt, now))
        .orderBy(asc(followUps.dueAt))
        .limit(most);
      return db.update(followUps).set({ dueAt: until }).where(inArray(followUps.id, due)).returning();
    },

    /**
     * Two times for monitoring, in milliseconds since the epoch. `emailSince`: when the oldest unqueued email was
     * requested. The email's id, a UUIDv7, contains this time. `dueSince`: the due time of the follow-up that has been
     * due longest. Reads only the first rows of two indexes. An email behind {@link MOST_READ} other follow-ups is not
     * found, but then `dueSince` shows that work is left undone.
     */
    async oldest(): Promise<{ emailSince: number | undefined; dueSince: number | undefined }> {
      const { dueAt } = followUps;
      const due = db.select({ dueAt }).from(followUps).orderBy(asc(dueAt)).limit(1);
      const found = await batchOf(db, { waiting: waiting(), due });
      const email = found.waiting.find((row) => row.kind === "mail")?.firstId;
      return { emailSince: email ? timeOfId(email) : undefined, dueSince: found.due[0]?.dueAt };
    },

    /** The number of follow-ups of each kind and the first id of each kind, among the first {@link MOST_READ} ids. */
    waiting: async () => waiting(),

    async update(id: string, values: Partial<Omit<FollowUpRow, "id">>) {
      await db.update(followUps).set(values).where(eq(followUps.id, id));
    },

    async delete(ids: readonly string[]) {
      if (ids.length > 0) await db.delete(followUps).where(inArray(followUps.id, [...ids]));
    },
  };
}

/**
 * The number of stored follow-ups, and the earliest time at which one became or becomes due; `null` if none is stored.
 */
export async function readWaiting(db: Database): Promise<{ count: number; dueSince: number | null }> {
  return db.get(sql`SELECT count(*) AS count, min(${followUps.dueAt}) AS dueSince FROM ${followUps}`);
}
