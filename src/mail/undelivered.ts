/**
 * The emails that are no longer retried: a server refused them permanently, or every try in a day failed. They are also
 * in the dead-letter queue, but the messages of a queue can't be listed. A row contains the request and no link, so a
 * new request for the email makes a new link.
 */
import { desc, eq, lt, sql } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { undeliveredEmails } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { DAY } from "../platform/clock.ts";
import { earliestId } from "../platform/random.ts";
import type { MailEvent, MailRequest } from "./requests.ts";

/** How long a row is kept after the request, in milliseconds. After that, hardly anyone still waits for the email. */
const KEPT = 7 * DAY;

/** A text that sorts after every id. As the default of `before`, it selects the first page. */
const LAST_ID = "g";

/** The highest number that `count` returns. */
const MOST_COUNTED = 1_000;

type Row = typeof undeliveredEmails.$inferSelect;

/** An email that is no longer retried. `recipient` is `null` if the email could not even be written. */
export interface UndeliveredMail extends Pick<Row, "id" | "recipient" | "reason" | "failedAt" | "attempts"> {
  event: MailEvent;
}

export type UndeliveredMails = ReturnType<typeof createUndeliveredMails>;

export function createUndeliveredMails(db: Database) {
  const table = undeliveredEmails;
  return {
    /** Stores an email. Does nothing if it is stored already. */
    async keep({ id, event }: MailRequest, failure: Pick<Row, "recipient" | "reason" | "failedAt" | "attempts">) {
      await db
        .insert(table)
        .values({ id, event: JSON.stringify(event), ...failure })
        .onConflictDoNothing();
    },

    /** Lists emails, newest request first. `before` is the id of the last email of the previous page. */
    async list({ limit, before = LAST_ID }: { limit: number; before?: string | undefined }) {
      const rows = await db.select().from(table).where(lt(table.id, before)).orderBy(desc(table.id)).limit(limit);
      return rows.map(present);
    },

    async find(id: string): Promise<UndeliveredMail | undefined> {
      const [row] = await db.select().from(table).where(eq(table.id, id));
      return row && present(row);
    },

    /**
     * Deletes the row of an email, and stores `consequences`, which request the email again. Does nothing and returns
     * `false` if the row was deleted before.
     */
    async takeOut(id: string, consequences: Consequences): Promise<boolean> {
      const { taken } = await batchOf(db, {
        taken: db.delete(table).where(eq(table.id, id)).returning({ id: table.id }),
        ...storing(db, consequences),
      });
      return taken.length > 0;
    },

    /** How many emails are stored; 1,000 means 1,000 or more. */
    async count(): Promise<number> {
      const { count } = await db.get<{ count: number }>(
        sql`SELECT count(*) AS count FROM (SELECT 1 FROM ${table} LIMIT ${MOST_COUNTED})`,
      );
      return count;
    },

    /** Deletes up to `most` rows whose request is older than a week. Returns whether there may be more. */
    deleteOld: (now: number, most: number) =>
      deleteSome(db, table, { key: table.id, condition: lt(table.id, earliestId(now - KEPT)), most }),
  };
}

function present({ event, ...row }: Row): UndeliveredMail {
  return { ...row, event: JSON.parse(event) };
}
