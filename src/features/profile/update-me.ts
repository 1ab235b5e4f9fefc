import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { perUser, takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Limit } from "../../limits/budgets.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { locale, username } from "../../users/fields.ts";
import { canonicalName, loginNameKey } from "../../users/login-names.ts";
import { changedFields, profileChange, profileShape } from "../../users/profile-fields.ts";
import { expectedVersion, presentUser, type User, userEtag, userSchema } from "../../users/user.ts";

const profileBody = z.strictObject({ username: username.optional(), ...profileShape, locale: locale.optional() });

type ProfileBody = z.output<typeof profileBody>;

export const updateMe = endpoint(
  {
    id: "updateMe",
    method: "put",
    path: "/api/v1/users/me",
    tag: "Users",
    summary: "Change your profile",
    description:
      "Only the fields that are sent change; `null` clears a field that may be empty. With `If-Match` and the ETag that you read, the change is refused if someone else changed the user meanwhile. A former username stays reserved for its user for a while.",
    caller: user,
    body: () => profileBody,
    limits: [perUser("profileChangePerUser"), takenByHandler("usernameChangePerUser")],
    success: { status: 200, description: "The changed user.", schema: userSchema },
    refusals: ["username_taken", "precondition_failed", "rate_limited"],
  },
  async (services, { body, caller, client, exchange }) => {
    const { afterResponse, limiter, loginAttempts } = services;
    const version = expectedVersion(caller.user, exchange.header("If-Match"));
    if (version === "other") return refuse("precondition_failed");
    const renames: Limit[] = isRename(caller.user, body)
      ? [{ rule: "usernameChangePerUser", key: caller.user.id }]
      : [];
    if (renames.length > 0) {
      const { refusal } = await limiter.take(renames);
      if (refusal !== undefined) return refusal;
    }
    const changed = await changeProfile(services, caller.user, body, version);
    if (isRefusal(changed)) {
      if (renames.length > 0) await limiter.refund(renames);
      return changed;
    }
    const { before, after } = changed;
    if (isRename(before, after)) {
      const [oldKey, newKey] = [before, after].map(({ username }) =>
        loginNameKey({ username: canonicalName(username) }),
      );
      afterResponse.add(() => loginAttempts.rename(oldKey ?? "", newKey ?? "", client.network));
    }
    return new Reply(presentUser(after), { ETag: userEtag(after) });
  },
);

/** How many times to try a change of the username if another request changes the username first. */
const MOST_TRIES = 3;

/** Changes the profile, and returns the user before and after the change. */
async function changeProfile(
  { clock, config, followUps, profiles, users }: Services,
  read: User,
  body: ProfileBody,
  version: number | undefined,
) {
  const change = { ...profileChange(body), username: body.username, locale: body.locale };
  for (let tries = 1, before = read; ; tries++) {
    const fields = changedFields(before, change).join(" ");
    if (fields === "") return { before, after: before };
    const now = clock.now();
    const consequences = followUps.of({
      events: [{ type: "profile_changed", actorId: before.id, userId: before.id, details: { fields } }],
    });
    const retiredUntil = now + config.accounts.usernameRetirement;
    const after = await profiles.update(before, change, { consequences, now, retiredUntil, version });
    if (!isRefusal(after)) return { before, after };
    const isOvertaken = after.code === "precondition_failed" && version === undefined && tries < MOST_TRIES;
    const current = isOvertaken ? await users.find(read.id) : undefined;
    if (current === undefined) return after;
    before = current;
  }
}

function isRename(before: { username: string }, { username = before.username }: { username?: string | undefined }) {
  return canonicalName(username) !== canonicalName(before.username);
}
