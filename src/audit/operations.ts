/** The audit log's route as data. */
import * as z from "zod";
import { needs } from "../access/permissions.ts";
import { defineOperation } from "../http/operation.ts";
import { pageQuery } from "../http/paging.ts";
import { AUDIT_EVENT_TYPES } from "./events.ts";
import { eventSchema } from "./present-event.ts";

const time = z.iso
  .datetime({ offset: true, error: "This takes a time like 2026-11-22T09:30:00Z." })
  .transform((text) => Date.parse(text))
  .optional();

const types = Object.entries(AUDIT_EVENT_TYPES).map(([type, meaning]) => `- \`${type}\`: ${meaning}`);

export const listAuditEventsOperation = defineOperation({
  id: "listAuditEvents",
  method: "get",
  path: "/api/v1/audit-events",
  tag: "Administration",
  summary: "What happened",
  description: `Newest first; an event is here within seconds. ${needs("read_audit_events")}\n\nTypes:\n\n${types.join("\n")}`,
  credentials: ["access_token"],
  query: z.strictObject({
    ...pageQuery,
    user_id: z
      .uuid("This takes a user's id.")
      .transform((id) => id.toLowerCase())
      .optional()
      .meta({ description: "Whose account it concerns." }),
    type: z
      .string()
      .refine((type) => Object.hasOwn(AUDIT_EVENT_TYPES, type), "There is no such type of event: see the list above.")
      .optional()
      .meta({ examples: ["login_failed"] }),
    since: time.meta({ description: "From then on." }),
    until: time.meta({ description: "Before then." }),
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
