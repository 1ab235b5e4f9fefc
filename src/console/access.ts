/** What the operator may do. The API decides; the console only hides what the API would refuse. */
import { isOperator, may, type Permission } from "../access/permissions.ts";
import type { Me, User } from "./api.ts";

export type { Permission } from "../access/permissions.ts";

const rankOf = ({ role, is_superuser: isSuperuser }: Pick<User, "role" | "is_superuser">) => ({ role, isSuperuser });

export function isAllowed(me: Me, permission: Permission, target?: User): boolean {
  return may(rankOf(me), permission, target && rankOf(target));
}

export const isOneOfTheOperators = (me: Me): boolean => isOperator(rankOf(me));
