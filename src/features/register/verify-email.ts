import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { linkBody } from "../../links/link-body.ts";
import { linkHash, verifyLink } from "../../links/link-tokens.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { verifiedBy } from "../../users/event-subjects.ts";
import { loginNameKeys } from "../../users/login-names.ts";

/**
 * Takes two round trips, verify → reset the login guards, or one if the link was used before. All other links of the
 * address stop working.
 */
export const verifyEmail = endpoint(
  {
    id: "verifyEmail",
    method: "post",
    path: "/api/v1/auth/verify-email",
    tag: "Authentication",
    summary: "Verify an email address",
    description: "Spends the token of an emailed link. The same link again gets the same answer.",
    body: linkBody,
    limits: [perNetwork("linkAttemptsPerAddress")],
    success: { status: 200, description: "The address is verified.", schema: statusSchema("verified") },
    refusals: ["invalid_token", "expired_token"],
  },
  async (services, { body: { token }, client }) => {
    const { clock, followUps, loginAttempts, meter, registrations } = services;
    const link = verifyLink("verify-email", token, services);
    if (isRefusal(link)) return link;
    const hash = linkHash(token);
    const verified = verifiedBy(hash);
    const consequences = followUps.of({ events: [{ type: "email_verified", actorId: verified, userId: verified }] });
    const { user, isFirst } = await registrations.verify(link.subjectId, hash, { consequences, now: clock.now() });
    if (user === undefined) return refuse("invalid_token");
    if (isFirst) {
      meter.count("users_created", {});
      await loginAttempts.reset(loginNameKeys(user), client.network);
    }
    return { status: "verified" };
  },
);
