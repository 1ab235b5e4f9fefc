import * as z from "zod";
import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToGivenAddress, perUser } from "../../endpoint/limits.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { locale } from "../../users/fields.ts";
import { allowedEmailAddress, refuseInvitation } from "../../users/registration-policy.ts";
import { invitationSent, presentSent, sendingOf } from "./invitation-email.ts";

export const inviteUser = endpoint(
  {
    id: "inviteUser",
    method: "post",
    path: "/api/v1/invitations",
    tag: "Administration",
    summary: "Invite a person",
    description:
      "Emails a link with which the person chooses a username and a password. With `EMAIL_LOGIN=on`, they may choose no password.",
    caller: recent(operator("invite_users")),
    body: (config) => z.strictObject({ email: allowedEmailAddress(config), locale: locale.optional() }),
    admit: ({ config }) => refuseInvitation(config),
    limits: [emailsToGivenAddress("invitation"), perUser("invitationsPerUser")],
    success: invitationSent,
    refusals: ["registration_closed", "email_taken"],
  },
  async (services, { body, caller: { user: inviter } }) => {
    const { clock, config, followUps, invitations, random } = services;
    const { email, locale = inviter.locale } = body;
    const now = clock.now();
    const expiresAt = now + config.links.invitationLifetime;
    const id = createId(now, random);
    const invitation = { id, email, locale, invitedBy: inviter.id, createdAt: now, expiresAt };
    const consequences = sendingOf(services, "user_invited", invitation, inviter.id);
    // The answer may reveal that the address has an account, because operators can list every address anyway.
    if (!(await invitations.add(invitation, consequences))) return refuse("email_taken");
    await followUps.carryOut(consequences);
    return presentSent(expiresAt);
  },
);
