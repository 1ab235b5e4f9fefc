import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";

export const endSession = endpoint(
  {
    id: "endSession",
    method: "delete",
    path: "/api/v1/users/me/sessions/{id}",
    tag: "Users",
    summary: "End one of your sessions",
    caller: user,
    success: { status: 204, description: "The session has ended." },
    refusals: ["not_found"],
  },
  async ({ audit, sessions }, { caller, id }) => {
    const userId = caller.user.id;
    if (!(await sessions.end(userId, id))) return refuse("not_found");
    audit.note("session_ended", { actorId: userId, userId, details: { session_id: id } });
    return undefined;
  },
);
