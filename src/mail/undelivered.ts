/**
 * The emails that failed for good: that a server refused permanently, or that failed for a day. The dead-letter queue
 * has them too, but nothing can list it. A row contains the request, which has no link, so a retry makes a new one.
 */
import { desc, eq, lt, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { undeliveredEmails } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { DAY } from "../platform/clock.ts";
import { earliestId } from "../platform/random.ts";
import type { MailEvent, MailRequest } from "./requests.ts";

/** How long a row is kept after the request, in milliseconds. Later, hardly anyone still waits for the email. */
const KEPT = 7 * DAY;

/** Sorts after every id, so that the first page is read like the others. */
const LAST_ID = "g";

/** Counts stop here. */
const MOST_COUNTED = 1_000;

type Row = typeof undeliveredEmails.$inferSelect;

/** An email that failed for good. `recipient` is unknown if the email could not even be written. */
export interface UndeliveredMail extends Pick<Row, "id" | "recipient" | "reason" | "failedAt" | "attempts"> {
  event: MailEvent;
}

export type UndeliveredMails = ReturnType<typeof createUndeliveredMails>;

export function createUndeliveredMails(db: Database) {
  const table = undeliveredEmails;
  return {
    /** Keeps an email. One that is kept already does not change. */
    async keep({ id, event }: MailRequest, failure: Pick<Row, "recipient" | "reason" | "failedAt" | "attempts">) {
      await db
        .insert(table)
        .values({ id, event: JSON.stringify(event), ...failure })
        .onConflictDoNothing();
    },

    /** Lists emails, those that were requested last first. `before`: only those before the one with this id. */
    async list({ limit, before = LAST_ID }: { limit: number; before?: string | undefined }) {
      const rows = await db.select().from(table).where(lt(table.id, before)).orderBy(desc(table.id)).limit(limit);
      return rows.map(present);
    },

    async find(id: string): Promise<UndeliveredMail | undefined> {
      const [row] = await db.select().from(table).where(eq(table.id, id));
      return row && present(row);
    },

    /** Takes an email out, to request it again. Returns `false` if another request has done so. */
    async takeOut(id: string, consequences: Consequences): Promise<boolean> {
      const { taken } = await batchOf(db, {
        taken: db.delete(table).where(eq(table.id, id)).returning({ id: table.id }),
        ...storing(db, consequences),
      });
      return taken.length > 0;
    },

    /** How many there are; 1,000 means that or more. */
    async count(): Promise<number> {
      const { count } = await db.get<{ count: number }>(
        sql`SELECT count(*) AS count FROM (SELECT 1 FROM ${table} LIMIT ${MOST_COUNTED})`,
      );
      return count;
    },

    /** Deletes up to `most` rows that are a week old. Returns whether there may be more. */
    deleteOld: (now: number, most: number) =>
      deleteSome(db, table, { key: table.id, condition: lt(table.id, earliestId(now - KEPT)), most }),
  };
}

function present({ event, ...row }: Row): UndeliveredMail {
  return { ...row, event: JSON.parse(event) };
}
