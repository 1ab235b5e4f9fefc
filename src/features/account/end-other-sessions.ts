import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

export const endOtherSessions = endpoint(
  {
    id: "endOtherSessions",
    method: "delete",
    path: "/api/v1/users/me/sessions",
    tag: "Users",
    summary: "End your other sessions",
    description: "Every session except the one that sends this request.",
    caller: user,
    success: { status: 204, description: "The sessions have ended." },
  },
  async ({ audit, sessions }, { caller }) => {
    const userId = caller.user.id;
    const ended = await sessions.endAllBut(userId, caller.sessionId);
    if (ended > 0) audit.note("sessions_ended", { actorId: userId, userId });
    return undefined;
  },
);
