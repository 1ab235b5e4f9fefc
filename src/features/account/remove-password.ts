import * as z from "zod";
import { confirmChange, requireConfirmation } from "../../accounts/check-password.ts";
import { confirmingUser } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { isEmailAlone } from "../../factors/factor.ts";
import { hasPassword, NO_PASSWORD } from "../../passwords/passwords.ts";
import { typedPassword } from "../../passwords/policy.ts";
import { refuse } from "../../platform/refusal.ts";
import { isOfCurrentEpoch, type User } from "../../users/user.ts";

/** How many times to try if other requests change the user at the same time. */
const MOST_TRIES = 3;

/**
 * The handler reads the user from D1, then asks the user's object for the passkeys. It removes the password only if the
 * user in D1 has not changed since that read: `factors/last-passkey.ts` says why.
 */
export const removePassword = endpoint(
  {
    id: "removePassword",
    method: "delete",
    path: "/api/v1/users/me/password",
    tag: "Users",
    summary: "Remove the password",
    description:
      "From now on the user logs in with a passkey, or by email if `EMAIL_LOGIN` is on. Without either, the answer is 409 `last_login_method`. This session continues, every other session ends, and the owner gets an email. A user without a password gets the same answer, with any password. `POST /api/v1/users/change-password` sets a password again.",
    caller: confirmingUser,
    body: () => z.strictObject({ current_password: typedPassword.optional() }),
    admit: (_, { body: { current_password: password }, caller }) =>
      requireConfirmation(caller.user, { field: "current_password", password }),
    limits: [passwordGuesses],
    success: { status: 204, description: "The user has no password." },
    refusals: [
      "wrong_password",
      "validation_failed",
      "last_login_method",
      "precondition_failed",
      "busy",
      "invalid_access_token",
    ],
  },
  async (services, { body: { current_password: password }, caller: { user, sessionId }, client: { network } }) => {
    // The client may have sent the same request before, and that request removed the password.
    if (!hasPassword(user)) return undefined;
    const refused = await confirmChange(services, user, { field: "current_password", password, network });
    if (refused !== undefined) return refused;

    const { clock, followUps, users } = services;
    let owner = user;
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      if (!hasPassword(owner)) return undefined;
      if (!(await hasOtherLogin(services, owner))) return refuse("last_login_method");
      const consequences = followUps.of({
        events: [{ type: "password_removed", actorId: owner.id, userId: owner.id }],
        mails: [{ kind: "password_removed", userId: owner.id }],
        sessionsOf: { userId: owner.id },
      });
      const change = { passwordHash: NO_PASSWORD, keptSessionId: sessionId, version: owner.updatedAt };
      const changed = await users.changePassword(owner, change, { consequences, now: clock.now() });
      if (changed !== undefined) {
        await followUps.carryOut(consequences, changed);
        return undefined;
      }
      const found = await users.find(owner.id);
      if (found === undefined || !isOfCurrentEpoch(found, sessionId, user.sessionEpoch))
        return refuse("invalid_access_token");
      // This session has set another password meanwhile, which began a new session epoch. The user confirmed the old
      // password, so the new one must stay.
      if (hasPassword(found) && found.sessionEpoch !== user.sessionEpoch) return refuse("precondition_failed");
      owner = found;
    }
    return refuse("precondition_failed");
  },
);

/**
 * Whether the user can log in without a password. An emailed link is not enough if the user's only factor is codes by
 * email.
 */
async function hasOtherLogin({ config, factors }: Services, { id }: User): Promise<boolean> {
  if (config.emailLogin) return !isEmailAlone((await factors.list(id)).items);
  return (await factors.passkeys(id)).length > 0;
}
