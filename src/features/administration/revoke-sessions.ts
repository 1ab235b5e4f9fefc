import { operatorOn, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

export const revokeSessions = endpoint(
  {
    id: "revokeSessions",
    method: "post",
    path: "/api/v1/users/{id}/revoke-sessions",
    tag: "Administration",
    summary: "End every session of a user",
    caller: recent(operatorOn("end_sessions")),
    success: { status: 204, description: "The sessions have ended." },
  },
  async ({ audit, sessions }, { caller: { user, target } }) => {
    await sessions.endAllBut(target.id, null);
    audit.note("sessions_ended", { actorId: user.id, userId: target.id });
    return undefined;
  },
);
