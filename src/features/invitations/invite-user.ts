import * as z from "zod";
import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToGivenAddress, perUser } from "../../endpoint/limits.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { locale } from "../../users/fields.ts";
import { allowedEmailAddress, refuseInvitation } from "../../users/registration-policy.ts";

export const inviteUser = endpoint(
  {
    id: "inviteUser",
    method: "post",
    path: "/api/v1/invitations",
    tag: "Administration",
    summary: "Invite a person",
    description:
      "Emails a link with which the person chooses a username and a password. The invitation is not stored. A person who missed it can be invited again.",
    caller: recent(operator("invite_users")),
    body: (config) => z.strictObject({ email: allowedEmailAddress(config), locale: locale.optional() }),
    admit: ({ config }) => refuseInvitation(config),
    limits: [emailsToGivenAddress("invitation"), perUser("invitationsPerUser")],
    success: {
      status: 202,
      description: "The email is on its way.",
      schema: z.strictObject({
        status: z.literal("accepted"),
        expires_at: z.iso.datetime().meta({ description: "When the link expires." }),
      }),
    },
    refusals: ["registration_closed", "email_taken"],
  },
  async ({ audit, clock, config, invitations, mail, random }, { body, caller: { user: inviter } }) => {
    const { email, locale = inviter.locale } = body;
    // The operator may learn this: operators can list every address anyway.
    if (await invitations.isOwned(email)) return refuse("email_taken");
    const now = clock.now();
    const invitationId = createId(now, random);
    const expiresAt = now + config.links.invitationLifetime;
    await mail.request({ kind: "invitation", invitationId, inviterId: inviter.id, email, locale, expiresAt });
    audit.note("user_invited", { actorId: inviter.id, details: { invitation_id: invitationId } });
    return { status: "accepted", expires_at: toIsoTime(expiresAt) };
  },
);
