import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { presentSession, sessionSchema } from "../../sessions/present-session.ts";

export const listSessions = endpoint(
  {
    id: "listSessions",
    method: "get",
    path: "/api/v1/users/me/sessions",
    tag: "Users",
    summary: "List your sessions",
    description: "Most recently used first.",
    caller: user,
    success: {
      status: 200,
      description: "The live sessions.",
      schema: z.strictObject({ items: z.array(sessionSchema) }).meta({ id: "Sessions" }),
    },
  },
  async ({ sessions }, { caller }) => {
    const live = await sessions.list(caller.user.id);
    return { items: live.map((session) => presentSession(session, caller.sessionId)) };
  },
);
