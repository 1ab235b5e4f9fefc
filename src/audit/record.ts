/** The consumer of the audit queue. Writes events in batches. An event that arrives several times is written once. */
import { SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";
import type { AuditEventStore } from "./event-store.ts";
import { type AuditEvent, auditEvent, identifiedEvent } from "./event-types.ts";

const FIRST_RETRY = 5 * SECOND;
const LONGEST_RETRY = 600 * SECOND;

/** Seconds until a message is retried: 5 s at first, doubling up to ten minutes. */
export function retryDelay(attempts: number): number {
  return doublingPause(attempts, FIRST_RETRY, LONGEST_RETRY) / SECOND;
}

/** Records a batch in one transaction. On a failure, lets the queue retry the whole batch with growing pauses. */
export async function recordAuditEvents(
  batch: MessageBatch<unknown>,
  { auditEvents }: { auditEvents: AuditEventStore },
): Promise<void> {
  const events = batch.messages.flatMap(readEvent);
  // `ackAll` and `retryAll` leave out the messages that `readEvent` has already acknowledged or retried.
  try {
    await auditEvents.add(events);
    batch.ackAll();
  } catch (error) {
    const attempts = Math.max(...batch.messages.map((message) => message.attempts));
    batch.retryAll({ delaySeconds: retryDelay(attempts) });
    writeLog("error", { event: "audit_failed", attempts, count: events.length, error: describeError(error) });
  }
}

/**
 * Returns the event of a message, or an empty list if this release can't read it. A type that this release does not
 * know belongs to a newer release, which may be deployed again soon. So only this message is retried. If it keeps
 * failing, it goes to the dead-letter queue. A message that is not an event is dropped, because no release could record
 * it.
 */
function readEvent(message: Message<unknown>): AuditEvent[] {
  const { attempts, body } = message;
  const parsed = auditEvent.safeParse(body);
  if (parsed.success) return [parsed.data];
  const identified = identifiedEvent.safeParse(body);
  if (identified.success) {
    const { id, type } = identified.data;
    message.retry({ delaySeconds: retryDelay(attempts) });
    writeLog("error", { event: "audit_event_unknown", event_id: id, event_type: type, attempts });
  } else {
    message.ack();
    writeLog("error", { event: "audit_event_unreadable", attempts });
  }
  return [];
}
