import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { statusSchema } from "../../http/status.ts";
import { mailLimit } from "../../limits/budgets.ts";
import { linkBody } from "../../links/link-body.ts";
import { verifyLink } from "../../links/link-tokens.ts";
import { hasPassword } from "../../passwords/passwords.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { loginNameKey } from "../../users/login-names.ts";

/** Also removes the password, which the person who changed the address knew. The owner gets a reset link by email. */
export const undoEmailChange = endpoint(
  {
    id: "undoEmailChange",
    method: "post",
    path: "/api/v1/auth/undo-email-change",
    tag: "Authentication",
    summary: "Undo a change of email address",
    description:
      "Spends the token that was emailed to the old address, and gives that address back to the user. Every session ends, the password stops working, and a link to choose a new one is emailed. The same link again gets the same answer.",
    body: linkBody,
    limits: [perNetwork("linkAttemptsPerAddress")],
    success: { status: 200, description: "The old address is back.", schema: statusSchema("undone") },
    refusals: ["invalid_token", "expired_token", "email_taken"],
  },
  async (services, { body, client }) => {
    const { clock, emailChanges, followUps, limiter, loginAttempts } = services;
    const link = verifyLink("undo-email-change", body.token, services);
    if (isRefusal(link)) return link;
    const { change, user } = await emailChanges.find(link.subjectId);
    if (change === undefined) return refuse("invalid_token");

    const { userId, oldEmail, newEmail } = change;
    const consequences = followUps.of({
      events: [{ type: "email_change_undone", userId }],
      mails: [{ kind: "reset_password", email: oldEmail }],
      sessionsOf: { userId, forgetsDevices: true },
    });
    const step = await emailChanges.undo(change, { consequences, now: clock.now() });
    if (isRefusal(step)) return step;
    if (step.isFirst) {
      const [before, after] = [loginNameKey({ email: newEmail }), loginNameKey({ email: oldEmail })];
      await Promise.all([
        followUps.carryOut(consequences, step.user),
        loginAttempts.rename(before, after, client.network),
        limiter.take([mailLimit("undo_email_change", oldEmail)]),
      ]);
    } else if (user !== undefined && !hasPassword(user)) {
      await sendAgain(services, oldEmail);
    }
    return { status: "undone" };
  },
);

/**
 * Emails another reset link. The client may use the undo link many times, so a limit allows only a few of these emails.
 */
async function sendAgain({ limiter, mail }: Services, email: string): Promise<void> {
  const { refusal } = await limiter.take([mailLimit("undo_email_change", email)]);
  if (refusal === undefined) await mail.request({ kind: "reset_password", email });
}
