import * as z from "zod";
import { chooseFirstPassword } from "../../accounts/first-password.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { statusSchema } from "../../http/status.ts";
import { linkToken } from "../../links/link-body.ts";
import { invitationState } from "../../links/link-states.ts";
import { isOfState, linkHash, verifyLink } from "../../links/link-tokens.ts";
import { createId } from "../../platform/random.ts";
import { isRefusal, missingField, refuse } from "../../platform/refusal.ts";
import { verifiedBy } from "../../users/event-subjects.ts";
import { loginNameKeys } from "../../users/login-names.ts";
import { newProfile } from "../../users/profile-fields.ts";
import { newAccountShape, refuseInvitation } from "../../users/registration-policy.ts";

/**
 * The link was sent to the address, so the new user's address is verified at once. If a person registered the address
 * before but never verified it, the new user replaces that user.
 */
export const acceptInvitation = endpoint(
  {
    id: "acceptInvitation",
    method: "post",
    path: "/api/v1/auth/accept-invitation",
    tag: "Authentication",
    summary: "Accept an invitation",
    description:
      "Spends the token of an emailed invitation. Send it with the address that the link contains. The account is verified at once. The link that the log holds for the first superuser is accepted too. With `EMAIL_LOGIN=on`, invited people may leave out the password: they then log in by email or with a passkey. If the username or password is refused, the link stays valid. The link stops working when the address has an account, or when an operator revokes the invitation.",
    body: (config) => z.strictObject({ token: linkToken, ...newAccountShape(config) }),
    limits: [perNetwork("linkAttemptsPerAddress")],
    success: { status: 200, description: "The account exists: log in.", schema: statusSchema("verified") },
    refusals: [
      "invalid_token",
      "expired_token",
      "registration_closed",
      "username_taken",
      "invitation_used",
      "validation_failed",
      "busy",
      "unavailable",
    ],
  },
  async (services, { body, client, exchange }) => {
    const { clock, config, followUps, invitations, loginAttempts, meter, random } = services;
    const makesFirstSuperuser = isForFirstSuperuser(body.token, services);
    // The registration policy does not apply to the first superuser.
    const closed = makesFirstSuperuser ? undefined : refuseInvitation(config);
    if (closed !== undefined) return closed;
    const link = verifyLink(makesFirstSuperuser ? "first-superuser" : "invitation", body.token, services);
    if (isRefusal(link)) return link;
    // If the operator removes or changes `FIRST_SUPERUSER_EMAIL`, the link stops working.
    if (makesFirstSuperuser && body.email !== config.firstSuperuserEmail) return refuse("invalid_token");
    // The first superuser must be able to log in even if emails don't work yet.
    if (makesFirstSuperuser && body.password === undefined) {
      return refuse("validation_failed", { errors: [missingField("password")] });
    }
    // The token contains only a fingerprint of the address. The address in the body must match this fingerprint.
    if (!isOfState(link, invitationState(body.email))) return refuse("invalid_token");
    const used = { invitationId: link.subjectId, email: body.email, link: linkHash(body.token) };
    // The answer may reveal that the invitation was used, because a client with the link can read the mailbox.
    const spent = await invitations.refuseSpent(used, makesFirstSuperuser);
    if (spent !== undefined) return spent;

    const chosen = await chooseFirstPassword(services, body);
    if (isRefusal(chosen)) return chosen;
    const now = clock.now();
    const details = { invitation_id: link.subjectId, ...chosen.checked.details };
    const invited = verifiedBy(used.link);
    const consequences = followUps.of({
      events: [
        {
          type: makesFirstSuperuser ? "superuser_granted" : "invitation_accepted",
          actorId: invited,
          userId: invited,
          details,
        },
      ],
    });
    const accepted = await invitations.accept(
      {
        id: createId(now, random),
        ...used,
        username: body.username,
        passwordHash: chosen.hash,
        ...newProfile(body),
        locale: client.locale,
      },
      { consequences, makesFirstSuperuser, now },
    );
    if (isRefusal(accepted)) return accepted;
    const { userId } = accepted;
    exchange.identify(userId);
    meter.count("users_created", {});
    // Clear the counts of wrong passwords that others sent with these names before the account existed.
    await loginAttempts.reset(loginNameKeys(body), client.network);
    return { status: "verified" };
  },
);

/** Whether the link is one that the service logs for the first superuser. `true` even if the link has expired. */
function isForFirstSuperuser(token: string, services: Pick<Services, "clock" | "secrets">): boolean {
  const link = verifyLink("first-superuser", token, services);
  return !isRefusal(link) || link.code === "expired_token";
}
