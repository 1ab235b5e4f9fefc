/** Follow-ups in D1 that no request has carried out yet. */
import { asc, count, eq, inArray, lte, min } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { followUps } from "../db/schema.ts";
import { timeOfId } from "../platform/random.ts";

export type FollowUpRow = typeof followUps.$inferSelect;

export type FollowUpRows = ReturnType<typeof createFollowUpRows>;

export function createFollowUpRows(db: Database) {
  return {
    /**
     * Takes up to `most` follow-ups that are due, the longest due first, and puts them off until `until`. So no other
     * run carries them out at the same time, and a later one does if this run is lost.
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
     * Since when the oldest email waits to be queued, and the oldest piece of work to be done, in milliseconds since the
     * epoch. Reads the first rows of two indexes: the id of an email is a UUIDv7 of its time.
     */
    async oldest(): Promise<{ emailSince: number | undefined; dueSince: number | undefined }> {
      const { id, dueAt } = followUps;
      const emails = db.select({ id }).from(followUps).where(eq(followUps.kind, "mail")).orderBy(asc(id)).limit(1);
      const due = db.select({ dueAt }).from(followUps).orderBy(asc(dueAt)).limit(1);
      const found = await batchOf(db, { emails, due });
      const [email] = found.emails;
      return { emailSince: email && timeOfId(email.id), dueSince: found.due[0]?.dueAt };
    },

    /** How many wait of each kind, and the first id of each. */
    async waiting() {
      const { id, kind } = followUps;
      return db
        .select({ kind, count: count(), firstId: min(id) })
        .from(followUps)
        .groupBy(kind);
    },

    async update(id: string, values: Partial<Omit<FollowUpRow, "id">>) {
      await db.update(followUps).set(values).where(eq(followUps.id, id));
    },

    async delete(ids: readonly string[]) {
      if (ids.length > 0) await db.delete(followUps).where(inArray(followUps.id, [...ids]));
    },
  };
}

/** How many follow-ups are stored, and since when the oldest is due; `null` if there is none. */
export async function readWaiting(db: Database): Promise<{ count: number; dueSince: number | null }> {
  const [waiting] = await db.select({ count: count(), dueSince: min(followUps.dueAt) }).from(followUps);
  return waiting ?? { count: 0, dueSince: null };
}
