/** The filter of audit events, as operators send it. */
import * as z from "zod";
import type { AuditFilter } from "../../audit/event-rows.ts";
import { AUDIT_EVENT_TYPES } from "../../audit/event-types.ts";

const time = z.iso
  .datetime({ offset: true, error: "Use a time like 2026-11-22T09:30:00Z." })
  .transform((text) => Date.parse(text))
  .optional();

const userId = z
  .uuid("Use a user's id.")
  .transform((id) => id.toLowerCase())
  .optional();

export const auditFilterShape = {
  user_id: userId.meta({ description: "Whose account the event concerns." }),
  actor_id: userId.meta({ description: "Who acted." }),
  type: z
    .string()
    .refine((type) => Object.hasOwn(AUDIT_EVENT_TYPES, type), "There is no such event type: see the list of types.")
    .optional()
    .meta({ examples: ["login_failed"] }),
  ip_address: z
    .union([z.ipv4(), z.ipv6()], "Use an IPv4 or IPv6 address.")
    .transform((address) => address.toLowerCase())
    .optional()
    .meta({ description: "The whole address, as events show it." }),
  since: time.meta({ description: "From this time on." }),
  until: time.meta({ description: "Before this time." }),
};

const filter = z.strictObject(auditFilterShape);

export function auditFilterOf(query: z.output<typeof filter>): AuditFilter {
  return {
    userId: query.user_id,
    actorId: query.actor_id,
    type: query.type,
    ipAddress: query.ip_address,
    since: query.since,
    until: query.until,
  };
}
