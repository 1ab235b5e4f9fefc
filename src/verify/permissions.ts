/** What a role may do in another Worker. */
import { ROLES, type Role } from "./claims.ts";

/** For each permission, the roles that have it. */
export type Permissions<Name extends string = string> = Readonly<Record<Name, readonly Role[]>>;

/**
 * Postern's own permissions by role; on whom each may be used only Postern knows. The superuser flag is in no
 * access token: whoever has it counts here as what their role says.
 */
export const POSTERN_PERMISSIONS = {
  read_users: ["moderator", "admin"],
  suspend_users: ["moderator", "admin"],
  edit_users: ["admin"],
  delete_users: ["admin"],
  end_sessions: ["admin"],
  send_password_resets: ["admin"],
  invite_users: ["admin"],
  grant_user: ["admin"],
  grant_moderator: ["admin"],
  read_audit_events: ["admin"],
} as const satisfies Permissions;

/** Whether somebody of this role has what the other role has: `admin` is a `moderator`, too. */
export function isAtLeast(role: Role, required: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(required);
}
