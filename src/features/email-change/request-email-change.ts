import * as z from "zod";
import { confirmChange, requireConfirmation } from "../../accounts/check-password.ts";
import { confirmingUser } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToCaller, emailsToGivenAddress, passwordGuesses, perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { typedPassword } from "../../passwords/policy.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { allowedEmailAddress } from "../../users/registration-policy.ts";

/** Only the owner of the new address learns whether the address already has an account. */
export const requestEmailChange = endpoint(
  {
    id: "changeEmail",
    method: "post",
    path: "/api/v1/users/me/email",
    tag: "Users",
    summary: "Request a change of email address",
    description:
      "A link goes to the new address and a notice to the old one. Nothing changes until the link is used. Until then, and for a while afterwards, the link in the notice undoes the change. A newer request, a new password or a reset cancels a change that is not confirmed yet. The answer does not reveal whether the new address has an account.",
    caller: confirmingUser,
    body: (config) => z.strictObject({ email: allowedEmailAddress(config), password: typedPassword.optional() }),
    admit: (_, { body: { email, password }, caller }) =>
      requireConfirmation(caller.user, { field: "password", password }) ??
      (email === caller.user.email ? unchanged() : undefined),
    limits: [
      passwordGuesses,
      emailsToGivenAddress("confirm_email"),
      emailsToCaller("email_change_requested"),
      perNetwork("mailPerAddress"),
    ],
    success: {
      status: 202,
      description: "The emails are on their way.",
      schema: statusSchema("confirmation_required"),
    },
    refusals: ["wrong_password", "validation_failed", "busy", "invalid_access_token"],
  },
  async (services, { body: { email, password }, caller, client }) => {
    const proof = { field: "password", password, network: client.network };
    const refused = await confirmChange(services, caller.user, proof);
    if (refused !== undefined) return refused;

    const { clock, emailChanges, followUps, random } = services;
    const requestedAt = clock.now();
    const id = createId(requestedAt, random);
    const { id: userId, email: oldEmail, sessionEpoch } = caller.user;
    const consequences = followUps.of({
      events: [{ type: "email_change_requested", actorId: userId, userId }],
      mails: [
        { kind: "confirm_email", changeId: id },
        { kind: "email_change_requested", changeId: id },
      ],
    });
    const isStored = await emailChanges.request(
      {
        id,
        userId,
        oldEmail,
        newEmail: email,
        sessionEpoch,
        requestedAt,
        confirmedAt: null,
        undoneAt: null,
      },
      consequences,
    );
    // During the check of the password, the user was deleted, or their address or session epoch changed.
    if (!isStored) return refuse("invalid_access_token");
    await followUps.carryOut(consequences);
    return { status: "confirmation_required" };
  },
);

function unchanged() {
  const message = "This is already your email address.";
  return refuse("validation_failed", { errors: [{ field: "email", code: "unchanged", message }] });
}
