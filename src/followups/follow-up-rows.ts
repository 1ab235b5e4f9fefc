/** Follow-ups in D1 that no request has carried out yet. */
import { asc, eq, inArray, lte } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { followUps } from "../db/schema.ts";

export type FollowUpRow = typeof followUps.$inferSelect;

export type FollowUpRows = ReturnType<typeof createFollowUpRows>;

export function createFollowUpRows(db: Database) {
  return {
    /** Up to `most` follow-ups that are due, the longest due first. */
    async due(now: number, most: number) {
      return db.select().from(followUps).where(lte(followUps.dueAt, now)).orderBy(asc(followUps.dueAt)).limit(most);
    },

    async update(id: string, values: Partial<Omit<FollowUpRow, "id">>) {
      await db.update(followUps).set(values).where(eq(followUps.id, id));
    },

    async delete(ids: readonly string[]) {
      if (ids.length > 0) await db.delete(followUps).where(inArray(followUps.id, [...ids]));
    },
  };
}
