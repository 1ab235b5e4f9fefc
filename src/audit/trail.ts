/**
 * The audit trail of one request, for events that are not about a change in D1. Handlers note events. After the
 * response, `send` sends all of them to the audit queue together. The queue's consumer records every event that the
 * queue has accepted. An event about a change in D1 is stored in the batch of that change instead: see
 * `followups/consequences.ts` and `keys/signing-key-rows.ts`.
 */
import type { Clock } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import { retry } from "../platform/retry.ts";
import type { AuditDetails, AuditEvent, AuditEventType, AuditOrigin } from "./event-types.ts";

/** What a handler passes to `note` about an event. Missing ids become `null`. */
interface AuditNote {
  actorId?: string | undefined;
  userId?: string | undefined;
  details?: AuditDetails;
}

export type AuditTrail = ReturnType<typeof createAuditTrail>;

export function createAuditTrail(
  queue: Queue<AuditEvent>,
  origin: AuditOrigin,
  { clock, hops, random }: { clock: Clock; hops: Hops; random: Random },
) {
  const noted: AuditEvent[] = [];

  function eventOf(type: AuditEventType, { actorId, userId, details }: AuditNote = {}): AuditEvent {
    const occurredAt = clock.now();
    const id = createId(occurredAt, random);
    const ids = { actorId: actorId ?? null, userId: userId ?? null };
    return { id, type, occurredAt, ...ids, ...origin, details: details ?? null };
  }

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
    /** Notes an event in memory, without I/O. */
    note(type: AuditEventType, about?: AuditNote) {
      noted.push(eventOf(type, about));
    },
    /** Makes an event for the batch of the change that the event is about. */
    eventOf,
    /**
     * Sends the noted events to the queue. Never throws. If the queue still fails after a few tries, logs each event as
     * lost, without its IP address.
     */
    async send() {
      const events = noted.splice(0);
      if (events.length > 0) await sendBatch(events);
    },
  };
}
