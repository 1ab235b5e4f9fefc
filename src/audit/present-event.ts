/** Audit events as the API shows them: in full to operators, and in part to the user concerned. */
import * as z from "zod";
import { toIsoTime } from "../platform/clock.ts";
import type { AuditRow } from "./event-rows.ts";
import { AUDIT_EVENT_TYPES, auditDetails } from "./event-types.ts";

const type = z
  .string()
  .meta({ description: `One of ${Object.keys(AUDIT_EVENT_TYPES).join(", ")}.`, examples: ["login_failed"] });

export const ownEventSchema = z
  .strictObject({
    id: z.uuid(),
    type,
    occurred_at: z.iso.datetime(),
    by: z.enum(["you", "operator", "unknown"]).meta({ description: "`unknown` if the client was not authenticated." }),
    ip_address: z.string().nullable().meta({ description: "`null` if an operator acted." }),
    user_agent: z.string().nullable(),
    details: auditDetails.meta({ examples: [{ reason: "wrong_password" }] }),
  })
  .meta({ id: "SecurityEvent" });

export const eventSchema = z
  .strictObject({
    id: z.uuid(),
    type,
    occurred_at: z.iso.datetime(),
    actor_id: z
      .uuid()
      .nullable()
      .meta({ description: "The user who acted; `null` if the client was not authenticated." }),
    user_id: z.uuid().nullable().meta({ description: "The user whose account the event concerns." }),
    ip_address: z.string().nullable(),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
    details: auditDetails,
  })
  .meta({ id: "AuditEvent" });

export function presentEvent(row: AuditRow): z.output<typeof eventSchema> {
  return {
    id: row.id,
    type: row.type,
    occurred_at: toIsoTime(row.occurredAt),
    actor_id: row.actorId,
    user_id: row.userId,
    ip_address: row.ipAddress,
    user_agent: row.userAgent,
    request_id: row.requestId,
    details: detailsOf(row),
  };
}

/** If an operator acted on the account, hides the operator's IP address and user agent from the user. */
export function presentOwnEvent(row: AuditRow, userId: string): z.output<typeof ownEventSchema> {
  const by = row.actorId === null ? "unknown" : row.actorId === userId ? "you" : "operator";
  return {
    id: row.id,
    type: row.type,
    occurred_at: toIsoTime(row.occurredAt),
    by,
    ip_address: by === "operator" ? null : row.ipAddress,
    user_agent: by === "operator" ? null : row.userAgent,
    details: detailsOf(row),
  };
}

function detailsOf({ details }: AuditRow): z.output<typeof auditDetails> {
  return details === null ? {} : auditDetails.parse(JSON.parse(details));
}
