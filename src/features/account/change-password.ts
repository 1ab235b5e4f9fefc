import * as z from "zod";
import { minimumPasswordLength } from "../../access/factor-policy.ts";
import { confirmChange, requireConfirmation } from "../../accounts/check-password.ts";
import { confirmingUser, type Principal } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { newPasswordOfUser, typedPassword } from "../../passwords/policy.ts";
import { isRefusal, type Refusal, refuse } from "../../platform/refusal.ts";
import { loginNameKeys } from "../../users/login-names.ts";

export const changePassword = endpoint(
  {
    id: "changePassword",
    method: "post",
    path: "/api/v1/users/change-password",
    tag: "Users",
    summary: "Change the password",
    description:
      "This session continues, every other session ends, and the owner gets an email. The new password is checked after the current one. Its minimum length is lower if the user must have a second factor (`SECOND_FACTOR`). A user without a password sets their first one.",
    caller: confirmingUser,
    body: (config) =>
      z.strictObject({ current_password: typedPassword.optional(), new_password: newPasswordOfUser(config.passwords) }),
    admit: (_, { body, caller }) => requireConfirmation(caller.user, confirmationOf(body)),
    limits: [passwordGuesses],
    success: { status: 204, description: "The password is changed." },
    refusals: ["wrong_password", "validation_failed", "busy", "unavailable", "invalid_access_token"],
  },
  async (services, { body, caller, client }) => {
    const { sessionId, user: owner } = caller;
    const { network } = client;
    const refused = await confirmChange(services, owner, { ...confirmationOf(body), network });
    if (refused !== undefined) return refused;

    const { clock, config, followUps, loginAttempts, passwordQuality, passwords, users } = services;
    const minimum = minimumPasswordLength(config, owner, clock.now());
    const checked = await passwordQuality.require("new_password", body.new_password, owner, minimum);
    if (isRefusal(checked)) return checked;
    const hashed = await passwords.hash(body.new_password);
    if (isRefusal(hashed)) return hashed;

    const consequences = followUps.of({
      events: [{ type: "password_changed", actorId: owner.id, userId: owner.id, ...checked }],
      mails: [{ kind: "password_changed", userId: owner.id }],
      sessionsOf: { userId: owner.id },
    });
    const change = { passwordHash: hashed.hash, keptSessionId: sessionId };
    const changed = await users.changePassword(owner, change, { consequences, now: clock.now() });
    if (changed === undefined) return answerRepetition(services, caller, body.new_password);
    await Promise.all([followUps.carryOut(consequences, changed), loginAttempts.reset(loginNameKeys(owner), network)]);
    return undefined;
  },
);

function confirmationOf({ current_password: password }: { current_password?: string | undefined }) {
  return { field: "current_password", password };
}

/**
 * Answers a request if another request changed the password after the check of this request's current password. If the
 * client sent the same request twice, both succeed. If the new passwords differ, the current password that this request
 * sent is now wrong.
 */
async function answerRepetition(
  { passwords, users }: Services,
  { sessionId, user: { id } }: Principal,
  newPassword: string,
): Promise<Refusal<"invalid_access_token"> | Refusal<"wrong_password"> | Refusal<"busy"> | undefined> {
  const owner = await users.find(id);
  if (owner === undefined || owner.keptSessionId !== sessionId) return refuse("invalid_access_token");
  const check = await passwords.check(newPassword, owner.passwordHash);
  if (isRefusal(check)) return check;
  return check.matches ? undefined : refuse("wrong_password");
}
