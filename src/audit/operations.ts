/** The audit log's route as data. */
import * as z from "zod";
import { needs } from "../access/permissions.ts";
import { defineOperation } from "../http/operation.ts";
import { pageQuery } from "../http/paging.ts";
import { AUDIT_EVENT_TYPES } from "./events.ts";
import { eventSchema } from "./present-event.ts";

const time = z.iso
  .datetime({ offset: true, error: "Send a time like 2026-11-22T09:30:00Z." })
  .transform((text) => Date.parse(text))
  .optional();

const types = Object.entries(AUDIT_EVENT_TYPES).map(([type, meaning]) => `- \`${type}\`: ${meaning}`);

export const listAuditEventsOperation = defineOperation({
  id: "listAuditEvents",
  method: "get",
  path: "/api/v1/audit-events",
  tag: "Administration",
  summary: "List audit events",
  description: `The newest event comes first. Events appear within seconds. ${needs("read_audit_events")}\n\nTypes:\n\n${types.join("\n")}`,
  credentials: ["access_token"],
  query: z.strictObject({
    ...pageQuery,
    user_id: z
      .uuid("Send the id of a user.")
      .transform((id) => id.toLowerCase())
      .optional()
      .meta({ description: "The user whose account the event concerns." }),
    type: z
      .string()
      .refine(
        (type) => Object.hasOwn(AUDIT_EVENT_TYPES, type),
        "Unknown event type. The description of this route lists the types.",
      )
      .optional()
      .meta({ examples: ["login_failed"] }),
    since: time.meta({ description: "Only events at or after this time." }),
    until: time.meta({ description: "Only events before this time." }),
  }),
  success: {
    status: 200,
    description: "A page of events.",
    schema: z
      .strictObject({ items: z.array(eventSchema), next_cursor: z.string().nullable() })
      .meta({ id: "AuditEvents" }),
  },
  refusals: ["unauthorized", "invalid_access_token", "forbidden"],
});
