import type { AuditEvent } from "../../src/audit/event-types.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";

/** An audit event: a refused login. Every other member is `null` unless `more` has it. */
export function event(more: Partial<AuditEvent> = {}): AuditEvent {
  const occurredAt = more.occurredAt ?? Date.now();
  return {
    id: createId(occurredAt, systemRandom),
    type: "login_failed",
    occurredAt,
    actorId: null,
    userId: null,
    ipAddress: null,
    userAgent: null,
    requestId: null,
    details: null,
    ...more,
  };
}
