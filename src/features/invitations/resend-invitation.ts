import { inviter, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToInvited, perUser } from "../../endpoint/limits.ts";
import { refuseInvitation } from "../../users/registration-policy.ts";
import { invitationSent, presentSent, sendingOf } from "./invitation-email.ts";

export const resendInvitation = endpoint(
  {
    id: "resendInvitation",
    method: "post",
    path: "/api/v1/invitations/{id}/resend",
    tag: "Administration",
    summary: "Email an invitation again",
    description:
      "Emails another link for the same invitation, also if the earlier one has expired. An earlier link works until it expires: the person may open either email.",
    caller: recent(inviter),
    admit: ({ config }) => refuseInvitation(config),
    limits: [emailsToInvited, perUser("invitationsPerUser")],
    success: invitationSent,
    refusals: ["registration_closed", "email_taken", "not_found"],
  },
  async (services, { caller }) => {
    const { clock, config, followUps, invitations } = services;
    const expiresAt = clock.now() + config.links.invitationLifetime;
    const invitation = { ...caller.invitation, expiresAt };
    const consequences = sendingOf(services, "invitation_resent", invitation, caller.user.id);
    const refused = await invitations.renew(invitation, consequences);
    if (refused !== undefined) return refused;
    await followUps.carryOut(consequences);
    return presentSent(expiresAt);
  },
);
