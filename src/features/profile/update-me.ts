import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { perUser } from "../../endpoint/limits.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { locale, username } from "../../users/fields.ts";
import { canonicalName, loginNameKey } from "../../users/login-names.ts";
import { changedFields, profileChange, profileShape } from "../../users/profile-fields.ts";
import { expectedVersion, presentUser, userEtag, userSchema } from "../../users/user.ts";

export const updateMe = endpoint(
  {
    id: "updateMe",
    method: "put",
    path: "/api/v1/users/me",
    tag: "Users",
    summary: "Change your profile",
    description:
      "Only the fields that are sent change; `null` clears one that may be empty. With `If-Match` and the ETag that you read, the change is refused if someone else changed the user meanwhile.",
    caller: user,
    body: () => z.strictObject({ username: username.optional(), ...profileShape, locale: locale.optional() }),
    limits: [perUser("profileChangePerUser")],
    success: { status: 200, description: "The changed user.", schema: userSchema },
    refusals: ["username_taken", "precondition_failed"],
  },
  async ({ afterResponse, clock, followUps, loginAttempts, users }, { body, caller, client, exchange }) => {
    const before = caller.user;
    const version = expectedVersion(before, exchange.header("If-Match"));
    if (version === "other") return refuse("precondition_failed");

    const change = { ...profileChange(body), username: body.username, locale: body.locale };
    const fields = changedFields(before, change).join(" ");
    if (fields === "") return new Reply(presentUser(before), { ETag: userEtag(before) });
    const consequences = followUps.of({
      events: [{ type: "profile_changed", actorId: before.id, userId: before.id, details: { fields } }],
    });
    const after = await users.updateProfile(before.id, change, { consequences, now: clock.now(), version });
    if (isRefusal(after)) return after;
    const [oldName, newName] = [before.username, after.username].map(canonicalName);
    if (oldName !== undefined && newName !== undefined && oldName !== newName) {
      afterResponse.add(() =>
        loginAttempts.rename(loginNameKey({ username: oldName }), loginNameKey({ username: newName }), client.network),
      );
    }
    return new Reply(presentUser(after), { ETag: userEtag(after) });
  },
);
