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
 * The link proves the address, so the new user is verified at once, and replaces a user with the same address who was
 * never proved.
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
    // The operator can stop the link from working by removing or changing `FIRST_SUPERUSER_EMAIL`.
    if (makesFirstSuperuser && body.email !== config.firstSuperuserEmail) return refuse("invalid_token");
    // This user must be able to log in even if emails don't work yet.
    if (makesFirstSuperuser && body.password === undefined) {
      return refuse("validation_failed", { errors: [missingField("password")] });
    }
    // The link contains only a fingerprint of the address, so the address in the body must match it.
    if (!isOfState(link, invitationState(body.email))) return refuse("invalid_token");
    const used = { invitationId: link.subjectId, email: body.email, link: linkHash(body.token) };
    // The client may learn that the invitation was used: it has the link, so it can read the mailbox.
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
    // Clears the wrong guesses that others made at these names before the account existed.
    await loginAttempts.reset(loginNameKeys(body), client.network);
    return { status: "verified" };
  },
);

/** Whether the link is one for the first superuser, which the service logs. `true` even if the link has expired. */
function isForFirstSuperuser(token: string, services: Pick<Services, "clock" | "secrets">): boolean {
  const link = verifyLink("first-superuser", token, services);
  return !isRefusal(link) || link.code === "expired_token";
}
