import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { linkBody } from "../../links/link-body.ts";
import { verifyLink } from "../../links/link-tokens.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { loginNameKey } from "../../users/login-names.ts";

export const confirmEmailChange = endpoint(
  {
    id: "confirmEmail",
    method: "post",
    path: "/api/v1/auth/confirm-email",
    tag: "Authentication",
    summary: "Confirm a new email address",
    description: "Spends the token that was emailed to the new address. The same link again gets the same answer.",
    body: linkBody,
    limits: [perNetwork("linkAttemptsPerAddress")],
    success: {
      status: 200,
      description: "The address now belongs to the user.",
      schema: statusSchema("confirmed"),
    },
    refusals: ["invalid_token", "expired_token", "email_taken"],
  },
  async (services, { body, client }) => {
    const { clock, emailChanges, followUps, loginAttempts } = services;
    const link = verifyLink("confirm-email", body.token, services);
    if (isRefusal(link)) return link;
    const { change } = await emailChanges.find(link.subjectId);
    if (change === undefined) return refuse("invalid_token");

    const { userId, oldEmail, newEmail } = change;
    const consequences = followUps.of({
      events: [{ type: "email_changed", actorId: userId, userId }],
      mails: [{ kind: "email_changed", changeId: change.id }],
    });
    const step = await emailChanges.confirm(change, { consequences, now: clock.now() });
    if (isRefusal(step)) return step;
    if (step.isFirst) {
      const [before, after] = [loginNameKey({ email: oldEmail }), loginNameKey({ email: newEmail })];
      await Promise.all([followUps.carryOut(consequences), loginAttempts.rename(before, after, client.network)]);
    }
    return { status: "confirmed" };
  },
);
