import * as z from "zod";
import { AUDIT_EVENT_TYPES } from "../../audit/event-types.ts";
import { eventSchema, presentEvent } from "../../audit/present-event.ts";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { pageOf, pageQuery } from "../../http/paging.ts";
import { auditFilterOf, auditFilterShape } from "./audit-filter.ts";

const types = Object.entries(AUDIT_EVENT_TYPES).map(([type, meaning]) => `- \`${type}\`: ${meaning}`);

export const listAuditEvents = endpoint(
  {
    id: "listAuditEvents",
    method: "get",
    path: "/api/v1/audit-events",
    tag: "Administration",
    summary: "List audit events",
    description: `Newest first. An event is here within seconds. With \`ip_address\`, a page can have fewer events than \`limit\`, even none, before the last one: go on until \`next_cursor\` is \`null\`.\n\nTypes:\n\n${types.join("\n")}\n\n`,
    caller: operator("read_audit_events"),
    query: z.strictObject({ ...pageQuery, ...auditFilterShape }),
    success: { status: 200, description: "A page of events.", schema: pageOf(eventSchema).meta({ id: "AuditEvents" }) },
  },
  async ({ auditEvents }, { query: { limit, cursor, ...filter } }) => {
    const { events, next } = await auditEvents.list(auditFilterOf(filter), { limit, before: cursor });
    return { items: events.map(presentEvent), next_cursor: next };
  },
);
