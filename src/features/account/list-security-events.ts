import * as z from "zod";
import { ownEventSchema, presentOwnEvent } from "../../audit/present-event.ts";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { pageOf, pageQuery } from "../../http/paging.ts";

export const listSecurityEvents = endpoint(
  {
    id: "listSecurityEvents",
    method: "get",
    path: "/api/v1/users/me/security-events",
    tag: "Users",
    summary: "List what happened to your account",
    description: "Newest first.",
    caller: user,
    query: z.strictObject(pageQuery),
    success: { status: 200, description: "A page of events.", schema: pageOf(ownEventSchema) },
  },
  async ({ auditEvents }, { query: { limit, cursor }, caller }) => {
    const userId = caller.user.id;
    const { events, next } = await auditEvents.list({ userId }, { limit, before: cursor }, userId);
    return { items: events.map((event) => presentOwnEvent(event, userId)), next_cursor: next };
  },
);
