import * as z from "zod";
import { operatorOn } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { presentSessionToOthers, sessionOfOtherSchema } from "../../sessions/present-session.ts";

export const listUserSessions = endpoint(
  {
    id: "listUserSessions",
    method: "get",
    path: "/api/v1/users/{id}/sessions",
    tag: "Administration",
    summary: "List the sessions of a user",
    description: "Most recently used first.",
    caller: operatorOn("end_sessions"),
    success: {
      status: 200,
      description: "The live sessions.",
      schema: z.strictObject({ items: z.array(sessionOfOtherSchema) }).meta({ id: "UserSessions" }),
    },
  },
  async ({ sessions }, { caller }) => {
    const live = await sessions.list(caller.target.id);
    return { items: live.map(presentSessionToOthers) };
  },
);
