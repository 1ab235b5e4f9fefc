/** Ends every session of every user: increases the session epochs in D1, so no user's object needs to be called. */
import { and, gt, inArray, sql } from "drizzle-orm";
import { insertEvent } from "../audit/event-store.ts";
import { type AuditEvent, NO_REQUEST } from "../audit/event-types.ts";
import { batchOf, type Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { lastInOrder } from "../platform/random.ts";
import { idsOf, isBareRegistration, nextVersion } from "./user-statements.ts";

/**
 * The number by which each epoch increases. If D1 was restored to an earlier moment, users' objects may have sessions
 * of epochs that began after that moment. The number is large, so that no such session becomes valid again.
 */
const EPOCHS = 1_000;

const nextEpochs = (now: number) => ({
  sessionEpoch: sql`${users.sessionEpoch} + ${EPOCHS}`,
  keptSessionId: null,
  updatedAt: nextVersion(now),
});

/**
 * Leaves out unproved registrations. They have no sessions, and with an epoch other than 0 they would count as
 * accounts.
 */
const HAS_SESSIONS = sql`NOT (${isBareRegistration})`;

/** The statement that ends the sessions of all users, for a copy of the table. */
export function logOutCopy(db: Database, now: number): { sql: string; params: unknown[] } {
  return db.update(users).set(nextEpochs(now)).where(HAS_SESSIONS).toSQL();
}

export function createMassLogout(db: Database) {
  /**
   * Logs users out in steps of at most `most`, and yields how many each step has logged out. Records the event with the
   * first step.
   */
  return async function* logOutAll(
    event: Pick<AuditEvent, "id" | "occurredAt">,
    { now, most }: { now: number; most: number },
  ): AsyncGenerator<number> {
    const origin = { actorId: null, userId: null, ...NO_REQUEST, details: null };
    let after = "";
    let ended: { id: string }[];
    do {
      const next = idsOf(db, users, and(gt(users.id, after), HAS_SESSIONS))
        .orderBy(users.id)
        .limit(most);
      const recorded =
        after === "" ? { event: insertEvent(db, { ...event, ...origin, type: "all_sessions_ended" }, sql`true`) } : {};
      ({ ended } = await batchOf(db, {
        ended: db.update(users).set(nextEpochs(now)).where(inArray(users.id, next)).returning({ id: users.id }),
        ...recorded,
      }));
      yield ended.length;
      after = lastInOrder([after, ...ended.map(({ id }) => id)]);
    } while (ended.length === most);
  };
}
