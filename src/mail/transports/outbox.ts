/** The development transport: stores emails in D1 instead of sending them. `/dev/outbox` shows them. */
import { desc, sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import { outbox } from "../../db/schema.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Transport } from "./transport.ts";

const KEPT = 200;

export function createOutboxTransport(db: Database, clock: Clock): Transport {
  return {
    async deliver({ id, to, subject, text, html }) {
      await db.batch([
        db.insert(outbox).values({ id, recipient: to, subject, text, html, sentAt: clock.now() }).onConflictDoNothing(),
        db
          .delete(outbox)
          .where(sql`${outbox.id} NOT IN (SELECT id FROM outbox ORDER BY sent_at DESC, id DESC LIMIT ${KEPT})`),
      ]);
    },
  };
}

/** The stored emails, newest first. */
export async function listOutbox(db: Database) {
  return db.select().from(outbox).orderBy(desc(outbox.sentAt), desc(outbox.id));
}

/** Deletes all stored emails. */
export async function clearOutbox(db: Database): Promise<void> {
  await db.delete(outbox);
}
