/**
 * The trail of one request: use cases note what happened, and when the answer is ready everything goes
 * to the queue together, off the request's path. From there on it is recorded at least once.
 */
import type { Clock } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import { retry } from "../platform/retry.ts";
import type { AuditDetails, AuditEvent, AuditEventType } from "./event-types.ts";

/** What a use case knows of an event. Whoever is not named is `null`. */
export interface AuditNote {
  actorId?: string | undefined;
  userId?: string | undefined;
  details?: AuditDetails;
}

/** Where a request came from. */
export interface AuditOrigin {
  ipAddress: string | null;
  userAgent: string | null;
  requestId: string | null;
}

export interface AuditTrail {
  readonly isEmpty: boolean;
  /** Notes an event. Costs nothing until the trail is sent. */
  note(type: AuditEventType, note?: AuditNote): void;
  /**
   * Sends what was noted to the queue. Never throws: where the queue does not take it after a few tries, each
   * event is logged as lost, without its address.
   */
  send(origin: AuditOrigin): Promise<void>;
}

export function createAuditTrail(queue: Queue<AuditEvent>, hops: Hops, clock: Clock, random: Random): AuditTrail {
  const noted: Omit<AuditEvent, keyof AuditOrigin>[] = [];

  async function sendBatch(events: AuditEvent[]): Promise<void> {
    try {
      await retry(() => hops.hop("queue", () => queue.sendBatch(events.map((body) => ({ body })))));
    } catch (error) {
      for (const { id, type, userId } of events) {
        const user = userId === null ? {} : { user_id: userId };
        const fields = { event_id: id, event_type: type, ...user, error: describeError(error) };
        writeLog("error", { event: "audit_event_lost", ...fields });
      }
    }
  }

  return {
    get isEmpty() {
      return noted.length === 0;
    },
    note(type, { actorId, userId, details } = {}) {
      const occurredAt = clock.now();
      const id = createId(occurredAt, random);
      noted.push({ id, type, occurredAt, actorId: actorId ?? null, userId: userId ?? null, details: details ?? null });
    },
    async send(origin) {
      const events = noted.splice(0).map((event) => ({ ...event, ...origin }));
      if (events.length > 0) await sendBatch(events);
    },
  };
}
