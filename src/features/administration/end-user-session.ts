import { operatorOn, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";

export const endUserSession = endpoint(
  {
    id: "endUserSession",
    method: "delete",
    path: "/api/v1/users/{id}/sessions/{session_id}",
    tag: "Administration",
    summary: "End one session of a user",
    caller: recent(operatorOn("end_sessions")),
    success: { status: 204, description: "The session has ended." },
    refusals: ["not_found"],
  },
  async ({ audit, sessions }, { caller: { user, target }, sessionId }) => {
    if (!(await sessions.end(target.id, sessionId))) return refuse("not_found");
    audit.note("session_ended", { actorId: user.id, userId: target.id, details: { session_id: sessionId } });
    return undefined;
  },
);
