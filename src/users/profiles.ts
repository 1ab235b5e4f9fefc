/** How users change their own profile and username in D1: one batch, which D1 runs as a transaction. */
import { and, eq, exists, notExists } from "drizzle-orm";
import { batchOf, type Database } from "../db/client.ts";
import { users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { refuse } from "../platform/refusal.ts";
import { usernameTaken } from "./fields.ts";
import { canonicalName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { idsOf, nextVersion } from "./user-statements.ts";
import { retiredUsername, retireUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";

/** The fields that users change about themselves. `null` clears a field. */
type ProfileChange = Partial<Profile> & { username?: string | undefined; locale?: string | undefined };

interface Circumstances {
  consequences: Consequences;
  now: number;
  /** If the account is deleted before this time, its former username is reserved until then. */
  retiredUntil: number;
  /** The version (`updatedAt`) that the user must still have. */
  version: number | undefined;
}

export type ProfileStore = ReturnType<typeof createProfileStore>;

export function createProfileStore(db: Database) {
  return {
    /**
     * Changes a profile. An unproved registration loses the new username to this user. Refuses with `username_taken` if
     * another user has the username or a deleted user had it until recently. Refuses with `precondition_failed` if the
     * user no longer has the version `version`, or if the username has changed since the user was read.
     */
    async update(
      before: Pick<User, "id" | "username">,
      change: ProfileChange,
      { consequences, now, retiredUntil, version }: Circumstances,
    ) {
      const { id } = before;
      const username = canonicalName(change.username ?? before.username);
      const owner = usernameOwner(db, username, id);
      const retired = retiredUsername(db, username, now);
      const isExpected = and(
        eq(users.id, id),
        version === undefined ? undefined : eq(users.updatedAt, version),
        change.username === undefined ? undefined : eq(users.username, before.username),
      );
      const isRenamed = username !== canonicalName(before.username);
      const isChanged = isRenamed ? and(isExpected, notExists(owner), notExists(retired)) : isExpected;
      const willChange = exists(idsOf(db, users, isChanged));
      const renaming = {
        ...takeFromUnproved(db, username, willChange),
        retire: retireUsername(db, before, retiredUntil, isChanged),
      };
      const found = await batchOf(db, {
        owner,
        retired,
        ...(isRenamed ? renaming : {}),
        updated: db
          .update(users)
          .set({ ...change, updatedAt: nextVersion(now) })
          .where(isChanged)
          .returning(),
        ...storing(db, consequences),
      });
      const [updated] = found.updated;
      if (updated !== undefined) return updated;
      const isTaken = isRenamed && found.owner.length + found.retired.length > 0;
      return isTaken ? usernameTaken() : refuse("precondition_failed");
    },
  };
}
