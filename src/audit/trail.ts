/**
 * The audit trail of one request. Handlers note events. After the response, all of them are sent to the queue together.
 * The queue delivers each at least once.
 */
import type { Clock } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import { retry } from "../platform/retry.ts";
import type { AuditDetails, AuditEvent, AuditEventType } from "./event-types.ts";

/** What a handler passes to `note` about an event. Missing ids become `null`. */
interface AuditNote {
  actorId?: string | undefined;
  userId?: string | undefined;
  details?: AuditDetails;
}

/** The origin of a request. */
type AuditOrigin = Pick<AuditEvent, "ipAddress" | "userAgent" | "requestId">;

export type AuditTrail = ReturnType<typeof createAuditTrail>;

export function createAuditTrail(queue: Queue<AuditEvent>, hops: Hops, clock: Clock, random: Random) {
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
    /** Notes an event. Makes no I/O until the trail is sent. */
    note(type: AuditEventType, { actorId, userId, details }: AuditNote = {}) {
      const occurredAt = clock.now();
      const id = createId(occurredAt, random);
      noted.push({ id, type, occurredAt, actorId: actorId ?? null, userId: userId ?? null, details: details ?? null });
    },
    /**
     * Sends the noted events to the queue. Never throws: if the queue still fails after a few tries, each event is
     * logged as lost, without its IP address.
     */
    async send(origin: AuditOrigin) {
      const events = noted.splice(0).map((event) => ({ ...event, ...origin }));
      if (events.length > 0) await sendBatch(events);
    },
  };
}
