import * as z from "zod";
import { AUDIT_EVENT_TYPES } from "../../audit/event-types.ts";
import { eventSchema, presentEvent } from "../../audit/present-event.ts";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { pageOf, pageQuery, toPage } from "../../http/paging.ts";

const time = z.iso
  .datetime({ offset: true, error: "This takes a time like 2026-11-22T09:30:00Z." })
  .transform((text) => Date.parse(text))
  .optional();

const types = Object.entries(AUDIT_EVENT_TYPES).map(([type, meaning]) => `- \`${type}\`: ${meaning}`);

export const listAuditEvents = endpoint(
  {
    id: "listAuditEvents",
    method: "get",
    path: "/api/v1/audit-events",
    tag: "Administration",
    summary: "List audit events",
    description: `Newest first. An event is here within seconds.\n\nTypes:\n\n${types.join("\n")}\n\n`,
    caller: operator("read_audit_events"),
    query: z.strictObject({
      ...pageQuery,
      user_id: z
        .uuid("This takes a user's id.")
        .transform((id) => id.toLowerCase())
        .optional()
        .meta({ description: "Whose account the event concerns." }),
      type: z
        .string()
        .refine((type) => Object.hasOwn(AUDIT_EVENT_TYPES, type), "There is no such event type: see the list above.")
        .optional()
        .meta({ examples: ["login_failed"] }),
      since: time.meta({ description: "From this time on." }),
      until: time.meta({ description: "Before this time." }),
    }),
    success: { status: 200, description: "A page of events.", schema: pageOf(eventSchema).meta({ id: "AuditEvents" }) },
  },
  async ({ auditEvents }, { query: { limit, cursor, user_id: userId, ...filter } }) => {
    const events = await auditEvents.list({ ...filter, userId }, { limit: limit + 1, before: cursor });
    return toPage(events, limit, presentEvent);
  },
);
