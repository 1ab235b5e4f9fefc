import { operatorOn, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToTarget } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";

export const sendPasswordReset = endpoint(
  {
    id: "sendPasswordReset",
    method: "post",
    path: "/api/v1/users/{id}/send-password-reset",
    tag: "Administration",
    summary: "Email a user a link to reset their password",
    description: "As if the user had requested it.",
    caller: recent(operatorOn("send_password_resets")),
    limits: [emailsToTarget("send_password_reset")],
    success: { status: 202, description: "The email is on its way.", schema: statusSchema("accepted") },
  },
  async ({ audit, mail }, { caller: { user, target } }) => {
    await mail.request({ kind: "reset_password", email: target.email });
    audit.note("password_reset_sent", { actorId: user.id, userId: target.id });
    return { status: "accepted" };
  },
);
