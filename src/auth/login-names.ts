import type { User } from "../users/user.ts";
import type { LoginName } from "./store.ts";

/** What attempts to log in by a name are counted by. */
export function loginNameOf(name: LoginName): string {
  return JSON.stringify(name);
}

/** The names by which somebody logs in to this account. */
export function loginNamesOf({ email, username }: Pick<User, "email" | "username">): string[] {
  return [loginNameOf({ email }), loginNameOf({ username: username.toLowerCase() })];
}
