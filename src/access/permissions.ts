/**
 * Who may do what to whom. This table is the whole of it: the routes ask it, the API reference and the
 * page docs/accounts.md quote it, and the tests try every cell.
 */
import type { User } from "../users/user.ts";
import { ROLES } from "../verify/claims.ts";

/** What somebody is: their role, or `superuser` where the flag is set, whatever the role. Lowest first. */
export const STANDINGS = [...ROLES, "superuser"] as const;

export type Standing = (typeof STANDINGS)[number];

type Grants = Readonly<Partial<Record<Standing, readonly Standing[]>>>;

/**
 * For each permission, who has it, and on whom they may use it. Nobody may act on somebody who is not
 * below them, but for superusers, who may act on everybody.
 */
export const PERMISSIONS = {
  read_users: { moderator: STANDINGS, admin: STANDINGS, superuser: STANDINGS },
  suspend_users: { moderator: ["user"], admin: ["user", "moderator"], superuser: STANDINGS },
  edit_users: { admin: ["user", "moderator"], superuser: STANDINGS },
  delete_users: { admin: ["user", "moderator"], superuser: STANDINGS },
  end_sessions: { admin: ["user", "moderator"], superuser: STANDINGS },
  send_password_resets: { admin: ["user", "moderator"], superuser: STANDINGS },
  invite_users: { admin: ["user"], superuser: ["user"] },
  grant_user: { admin: ["user", "moderator"], superuser: STANDINGS },
  grant_moderator: { admin: ["user", "moderator"], superuser: STANDINGS },
  grant_admin: { superuser: STANDINGS },
  grant_superuser: { superuser: STANDINGS },
  read_audit_events: { admin: STANDINGS, superuser: STANDINGS },
} as const satisfies Record<string, Grants>;

export type Permission = keyof typeof PERMISSIONS;

type Ranked = Pick<User, "role" | "isSuperuser">;

function standingOf({ role, isSuperuser }: Ranked): Standing {
  return isSuperuser ? "superuser" : role;
}

/** On whom somebody may use a permission: on nobody where they do not have it. */
function targetsOf(actor: Ranked, permission: Permission): readonly Standing[] {
  const grants: Grants = PERMISSIONS[permission];
  return grants[standingOf(actor)] ?? [];
}

/** Whether somebody has a permission, on this person where one is given, otherwise on anybody at all. */
export function may(actor: Ranked, permission: Permission, target?: Ranked): boolean {
  const targets = targetsOf(actor, permission);
  return target === undefined ? targets.length > 0 : targets.includes(standingOf(target));
}

/** In words, for the API reference. */
export function needs(permission: Permission): string {
  return `Needs the permission \`${permission}\`.`;
}
