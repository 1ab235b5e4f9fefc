/** Changing one's own profile, so that two tabs do not overwrite each other unseen. */
import { loginNameOf } from "../auth/login-names.ts";
import { type Refusal, refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { usernameTaken } from "./fields.ts";
import type { ProfileChange } from "./store.ts";
import { type User, userEtag } from "./user.ts";

/** What may be sent: absent leaves a field alone, `null` clears it. */
export interface ProfileFields {
  username?: string | undefined;
  first_name?: string | null | undefined;
  last_name?: string | null | undefined;
  phone?: string | null | undefined;
  locale?: string | undefined;
}

/**
 * `ifMatch` is the header of RFC 9110 §13.1.1: absent or `*`, the user as they are now is changed. `network` is what
 * attempts to log in are counted by.
 */
export async function updateProfile(
  { afterwards, audit, clock, loginAttempts, users }: Services,
  user: User,
  fields: ProfileFields,
  { ifMatch, network }: { ifMatch: string | undefined; network: string },
): Promise<User | Refusal<"username_taken" | "precondition_failed">> {
  const version = expectedVersion(user, ifMatch);
  if (version === "other") return refuse("precondition_failed");

  const change: ProfileChange = {
    ...(fields.username === undefined ? {} : { username: fields.username }),
    ...(fields.first_name === undefined ? {} : { firstName: fields.first_name }),
    ...(fields.last_name === undefined ? {} : { lastName: fields.last_name }),
    ...(fields.locale === undefined ? {} : { locale: fields.locale }),
    ...(fields.phone === undefined ? {} : { phone: fields.phone }),
  };
  const update = await users.updateProfile(user.id, change, clock.now(), version);
  switch (update.outcome) {
    case "updated": {
      const names = Object.keys(fields).join(" ");
      if (names !== "")
        audit.note("profile_changed", { actorId: user.id, userId: user.id, details: { fields: names } });
      const [before, now] = [user, update.user].map(({ username }) =>
        loginNameOf({ username: username.toLowerCase() }),
      );
      if (before !== undefined && now !== undefined && before !== now) {
        afterwards.note(() => loginAttempts.startAfresh([now], network));
        // Whoever has this name next is somebody else.
        afterwards.note(() => loginAttempts.startAfresh([before]));
      }
      return update.user;
    }
    case "username_taken":
      return usernameTaken();
    case "changed_meanwhile":
      return refuse("precondition_failed");
  }
}

/**
 * The version (`updatedAt`) that a user must still have when they are changed: `undefined` where any will do,
 * `other` where the user as they are now is not the one that the header means.
 */
export function expectedVersion(user: User, ifMatch: string | undefined): number | undefined | "other" {
  // Whoever compresses our answer on the way makes the validator a weak one (RFC 9110 §8.8.3.3), Cloudflare among them.
  // The version that it names is the same, so unlike §13.1.1 we let it match: else nobody behind it could change a thing.
  const expected = ifMatch?.split(",").map((validator) => validator.trim().replace(/^W\/(?=")/, "")) ?? ["*"];
  if (expected.includes("*")) return undefined;
  return expected.includes(userEtag(user)) ? user.updatedAt : "other";
}
