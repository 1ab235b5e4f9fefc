import { recentUser } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import type { Services } from "../../endpoint/services.ts";
import { hasPassword, NO_PASSWORD } from "../../passwords/passwords.ts";
import { refuse } from "../../platform/refusal.ts";
import { isOfCurrentEpoch, type User } from "../../users/user.ts";

/** How many times to try if other requests change the user meanwhile. */
const MOST_TRIES = 3;

/**
 * The user is read before their object is asked for a passkey, and changed only if they are still the same then:
 * `factors/last-passkey.ts` says why.
 */
export const removePassword = endpoint(
  {
    id: "removePassword",
    method: "delete",
    path: "/api/v1/users/me/password",
    tag: "Users",
    summary: "Remove the password",
    description:
      "From now on the user logs in with a passkey, or by email if `EMAIL_LOGIN` is on. Without either, the answer is 409 `last_login_method`. This session continues, every other session ends, and the owner gets an email. A user without a password gets the same answer. `POST /api/v1/users/change-password` sets a password again.",
    caller: recentUser,
    success: { status: 204, description: "The user has no password." },
    refusals: ["last_login_method", "precondition_failed", "invalid_access_token"],
  },
  async (services, { caller: { user, sessionId } }) => {
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
      owner = found;
    }
    return refuse("precondition_failed");
  },
);

/** Whether the user can log in without a password. */
async function hasOtherLogin({ config, factors }: Services, { id }: User): Promise<boolean> {
  return config.emailLogin || (await factors.passkeys(id)).length > 0;
}
