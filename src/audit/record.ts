/**
 * The consumer of the audit queue: writes events in batches. Each event is written once, even if it arrives several
 * times.
 */
import { SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";
import type { AuditEventStore } from "./audit-events.ts";
import { type AuditEvent, auditEvent } from "./event-types.ts";

const FIRST_RETRY = 5 * SECOND;
const LONGEST_RETRY = 600 * SECOND;

/** Seconds until a batch is retried: 5 s at first, doubling up to ten minutes. */
export function retryDelay(attempts: number): number {
  return doublingPause(attempts, FIRST_RETRY, LONGEST_RETRY) / SECOND;
}

/** Records a batch in one transaction. On a failure, the whole batch is retried with growing pauses. */
export async function recordAuditEvents(
  batch: MessageBatch<unknown>,
  { auditEvents }: { auditEvents: AuditEventStore },
): Promise<void> {
  const events: AuditEvent[] = [];
  for (const message of batch.messages) {
    const parsed = auditEvent.safeParse(message.body);
    // An invalid event must not block the others, and a retry would not make it valid. So it is logged and dropped.
    if (parsed.success) events.push(parsed.data);
    else writeLog("error", { event: "audit_event_unreadable", attempts: message.attempts });
  }
  try {
    await auditEvents.add(events);
    batch.ackAll();
  } catch (error) {
    const attempts = Math.max(...batch.messages.map((message) => message.attempts));
    batch.retryAll({ delaySeconds: retryDelay(attempts) });
    writeLog("error", { event: "audit_failed", attempts, count: events.length, error: describeError(error) });
  }
}
