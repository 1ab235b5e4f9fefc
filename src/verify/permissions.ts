/** What a role may do in another Worker. */
import { ROLES, type Role } from "./claims.ts";

/** The roles that have each permission. */
export type Permissions<Name extends string = string> = Readonly<Record<Name, readonly Role[]>>;

/**
 * Postern's own permissions by role. Only Postern itself knows on which users a role may use each permission. Access
 * tokens do not contain the superuser flag, so a superuser only has the permissions of their role here.
 */
export const POSTERN_PERMISSIONS = {
  read_users: ["moderator", "admin"],
  list_users: ["admin"],
  suspend_users: ["moderator", "admin"],
  edit_users: ["admin"],
  delete_users: ["admin"],
  end_sessions: ["admin"],
  remove_factors: ["admin"],
  send_password_resets: ["admin"],
  invite_users: ["admin"],
  grant_user: ["admin"],
  grant_moderator: ["admin"],
  read_audit_events: ["admin"],
  read_overview: ["admin"],
  read_keys: ["admin"],
  read_configuration: ["admin"],
  reset_limits: ["admin"],
  read_dead_letters: ["admin"],
  retry_emails: ["admin"],
} as const satisfies Permissions;

/** Whether a role includes the required one: an `admin` is also a `moderator`. */
export function isAtLeast(role: Role, required: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(required);
}
