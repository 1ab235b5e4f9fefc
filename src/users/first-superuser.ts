/** Whether there is a superuser, and when a link for the first superuser was last written to the log. */
import { and, eq, gt, ne, notExists, sql } from "drizzle-orm";
import { insertEvent } from "../audit/event-store.ts";
import { type AuditEvent, NO_REQUEST } from "../audit/event-types.ts";
import { batchOf, type Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { earliestId } from "../platform/random.ts";
import { ownerOf } from "./addresses.ts";
import { idsOf, isSuperuser } from "./user-statements.ts";

/** A superuser other than `except`, even a suspended one. */
export function anySuperuser(db: Database, except = "") {
  return idsOf(db, users, and(isSuperuser, ne(users.id, except))).limit(1);
}

export type FirstSuperuserStore = ReturnType<typeof createFirstSuperuserStore>;

export function createFirstSuperuserStore(db: Database) {
  return {
    /**
     * Records that a link for the address is written to the log, but only if there is no superuser, the address has no
     * owner, and no link for the address was recorded after `since`. Of several calls at the same time, only one
     * records a link. The event contains a keyed hash of the address (`addressMac`) instead of the address, because
     * events are kept longer than accounts.
     */
    async recordLink(
      email: string,
      addressMac: string,
      event: Pick<AuditEvent, "id" | "occurredAt">,
      since: number,
    ): Promise<"recorded" | "not due" | "address taken"> {
      const type = "first_superuser_link_logged";
      const recent = db
        .select({ id: auditEvents.id })
        .from(auditEvents)
        .where(
          and(
            eq(auditEvents.type, type),
            gt(auditEvents.id, earliestId(since + 1)),
            eq(sql`${auditEvents.details} ->> '$.address_mac'`, addressMac),
          ),
        );
      const isOpen = notExists(anySuperuser(db));
      const about = { actorId: null, userId: null, ...NO_REQUEST };
      const details = { address_mac: addressMac };
      const { recorded, taken } = await batchOf(db, {
        recorded: insertEvent(
          db,
          { ...event, ...about, type, details },
          sql`${isOpen} AND ${notExists(ownerOf(db, email))} AND ${notExists(recent)}`,
        ).returning({ id: auditEvents.id }),
        taken: ownerOf(db, email, isOpen),
      });
      if (recorded.length > 0) return "recorded";
      return taken.length > 0 ? "address taken" : "not due";
    },
  };
}
