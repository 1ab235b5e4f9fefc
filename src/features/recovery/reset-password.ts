import * as z from "zod";
import { minimumPasswordLength } from "../../access/factor-policy.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import { linkToken } from "../../links/link-body.ts";
import { recoveryState } from "../../links/link-states.ts";
import { isOfState, verifyLink } from "../../links/link-tokens.ts";
import { newPasswordOfUser } from "../../passwords/policy.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { loginNameKeys } from "../../users/login-names.ts";

/**
 * The link was sent to the address, so using the link also verifies the address. If another person registered with this
 * address, the account belongs to the owner of the mailbox from then on.
 */
export const resetPassword = endpoint(
  {
    id: "resetPassword",
    method: "post",
    path: "/api/v1/auth/reset-password",
    tag: "Authentication",
    summary: "Reset the password",
    description:
      "Spends the token of an emailed link. Every session of the user ends, and the address counts as verified. The link works once. It stops working when the password changes or the link expires. If the new password is refused, the link stays valid.",
    body: (config) => z.strictObject({ token: linkToken, new_password: newPasswordOfUser(config.passwords) }),
    limits: [perNetwork("linkAttemptsPerAddress")],
    success: { status: 204, description: "The password is set." },
    refusals: ["invalid_token", "expired_token", "validation_failed", "busy", "unavailable"],
  },
  async (services, { body, client, exchange }) => {
    const { clock, config, followUps, loginAttempts, passwordQuality, passwords, users } = services;
    const link = verifyLink("reset-password", body.token, services);
    if (isRefusal(link)) return link;
    const user = await users.find(link.subjectId);
    if (user === undefined || !isOfState(link, recoveryState(user))) return refuse("invalid_token");

    const minimum = minimumPasswordLength(config, user, clock.now());
    const checked = await passwordQuality.require("new_password", body.new_password, user, minimum);
    if (isRefusal(checked)) return checked;
    const hashed = await passwords.hash(body.new_password);
    if (isRefusal(hashed)) return hashed;
    const consequences = followUps.of({
      events: [{ type: "password_reset", actorId: user.id, userId: user.id, ...checked }],
      mails: [{ kind: "password_changed", userId: user.id }],
      sessionsOf: { userId: user.id, forgetsDevices: true },
    });
    const reset = await users.resetPassword(user, hashed.hash, { consequences, now: clock.now() });
    if (reset === undefined) return refuse("invalid_token");
    exchange.identify(user.id);
    await Promise.all([
      followUps.carryOut(consequences, reset),
      loginAttempts.reset(loginNameKeys(user), client.network),
    ]);
    return undefined;
  },
);
