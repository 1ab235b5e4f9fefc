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
     * Takes up to `most` follow-ups that are due, the longest due first, and postpones them until `until`. Before that
     * time, no other run of the cron job takes them. After that time, another run takes those that are still stored.
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
     * For monitoring, in milliseconds since the epoch. `emailSince` is when the oldest email that is not queued yet was
     * requested. Found by its id, which is a UUIDv7 of that time. `dueSince` is when the follow-up that has been due
     * the longest became due. Reads only the first rows of two indexes. An email behind more than {@link MOST_READ}
     * other follow-ups isn't seen, but then `dueSince` shows that work is left undone.
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
