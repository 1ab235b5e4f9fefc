/**
 * The permission table: who may do what to whom. No other code decides this. The endpoints read the table, the API
 * reference and docs/accounts.md show it, and a test tries every cell. `verify/permissions.ts` has a copy of the roles
 * for other Workers; a test compares the two.
 */
import { namesOf } from "../platform/records.ts";
import { ROLES, type Role } from "../verify/claims.ts";

/**
 * The standings of users, lowest first: the roles, and `superuser`. A user with the superuser flag is above every role.
 */
export const STANDINGS = [...ROLES, "superuser"] as const;

export type Standing = (typeof STANDINGS)[number];

type Grants = Readonly<Partial<Record<Standing, readonly Standing[]>>>;

/**
 * For each permission: who has it, and on whom they may use it. Operators may read all users. They may act only on
 * users of a lower standing; superusers may also act on superusers.
 */
export const PERMISSIONS = {
  read_users: { moderator: STANDINGS, admin: STANDINGS, superuser: STANDINGS },
  list_users: { admin: STANDINGS, superuser: STANDINGS },
  suspend_users: { moderator: ["user"], admin: ["user", "moderator"], superuser: STANDINGS },
  edit_users: { admin: ["user", "moderator"], superuser: STANDINGS },
  delete_users: { admin: ["user", "moderator"], superuser: STANDINGS },
  end_sessions: { admin: ["user", "moderator"], superuser: STANDINGS },
  remove_factors: { admin: ["user", "moderator"], superuser: STANDINGS },
  send_password_resets: { admin: ["user", "moderator"], superuser: STANDINGS },
  invite_users: { admin: ["user"], superuser: ["user"] },
  grant_user: { admin: ["user", "moderator"], superuser: STANDINGS },
  grant_moderator: { admin: ["user", "moderator"], superuser: STANDINGS },
  grant_admin: { superuser: STANDINGS },
  grant_superuser: { superuser: STANDINGS },
  read_audit_events: { admin: STANDINGS, superuser: STANDINGS },
  // The following concern the service, not users.
  read_overview: { admin: STANDINGS, superuser: STANDINGS },
  read_keys: { admin: STANDINGS, superuser: STANDINGS },
  rotate_keys: { superuser: STANDINGS },
  read_configuration: { admin: STANDINGS, superuser: STANDINGS },
  reset_limits: { admin: STANDINGS, superuser: STANDINGS },
  read_dead_letters: { admin: STANDINGS, superuser: STANDINGS },
  retry_emails: { admin: STANDINGS, superuser: STANDINGS },
} as const satisfies Record<string, Grants>;

export type Permission = keyof typeof PERMISSIONS;

interface Ranked {
  role: Role;
  isSuperuser: boolean;
}

function standingOf({ role, isSuperuser }: Ranked): Standing {
  return isSuperuser ? "superuser" : role;
}

/** On whom the actor may use a permission. Empty if the actor does not have it. */
function targetsOf(actor: Ranked, permission: Permission): readonly Standing[] {
  const grants: Grants = PERMISSIONS[permission];
  return grants[standingOf(actor)] ?? [];
}

/** Whether the actor may use a permission on `target`; without a target, on at least one kind of user. */
export function may(actor: Ranked, permission: Permission, target?: Ranked): boolean {
  const targets = targetsOf(actor, permission);
  return target === undefined ? targets.length > 0 : targets.includes(standingOf(target));
}

/** Whether the user has any permission. */
export function isOperator(user: Ranked): boolean {
  return namesOf(PERMISSIONS).some((permission) => may(user, permission));
}

/** The sentence about a permission in the API reference. */
export function needs(permission: Permission): string {
  return `Needs the permission \`${permission}\`.`;
}
