import * as z from "zod";
import { checkCurrentPassword } from "../../accounts/current-password.ts";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses } from "../../endpoint/limits.ts";
import { newPassword, typedPassword } from "../../passwords/policy.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { loginNameKeys } from "../../users/login-names.ts";

export const changePassword = endpoint(
  {
    id: "changePassword",
    method: "post",
    path: "/api/v1/users/change-password",
    tag: "Users",
    summary: "Change the password",
    description:
      "This session continues, every other session ends, and the owner gets an email. The new password is checked after the current one.",
    caller: user,
    body: (config) => z.strictObject({ current_password: typedPassword, new_password: newPassword(config.passwords) }),
    limits: [passwordGuesses],
    success: { status: 204, description: "The password is changed." },
    refusals: ["wrong_password", "validation_failed", "busy", "unavailable", "invalid_access_token"],
  },
  async (services, { body, caller, client }) => {
    const { sessionId, user: owner } = caller;
    const refused = await checkCurrentPassword(services, owner, body.current_password);
    if (refused !== undefined) return refused;

    const { audit, clock, loginAttempts, mail, passwordQuality, passwords, sessions, users } = services;
    const checked = await passwordQuality.require("new_password", body.new_password, owner);
    if (isRefusal(checked)) return checked;
    const hashed = await passwords.hash(body.new_password);
    if (isRefusal(hashed)) return hashed;

    // This session moves into the next epoch before the epoch begins, so that none of its requests is refused.
    await sessions.adopt(owner.id, sessionId, owner.sessionEpoch + 1);
    if (!(await users.changePassword(owner.id, owner.sessionEpoch, hashed.hash, clock.now()))) {
      // Another request changed the password at the same moment, which ends this session like every other.
      await sessions.end(owner.id, sessionId);
      return refuse("invalid_access_token");
    }
    audit.note("password_changed", { actorId: owner.id, userId: owner.id, ...checked });
    mail.notify({ kind: "password_changed", userId: owner.id });
    await Promise.all([
      sessions.endAllBut(owner.id, sessionId),
      loginAttempts.reset(loginNameKeys(owner), client.network),
    ]);
    return undefined;
  },
);
