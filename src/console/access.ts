/** What the operator may do. The API decides; the console only hides what the API would refuse. */
import { isOperator, may, type Permission } from "../access/permissions.ts";
import type { User } from "./api.ts";

export type { Permission } from "../access/permissions.ts";

const rankOf = ({ role, is_superuser: isSuperuser }: User) => ({ role, isSuperuser });

export function isAllowed(me: User, permission: Permission, target?: User): boolean {
  return may(rankOf(me), permission, target && rankOf(target));
}

export const isOneOfTheOperators = (me: User): boolean => isOperator(rankOf(me));
