/** How users are described: their names, role and status. */
import type { User } from "../../api.ts";
import { Badge, Day } from "../../parts.tsx";
import { words } from "../../words.ts";

export const standingOf = ({ role, is_superuser }: User) => (is_superuser ? "superuser" : role);

export function Standing({ user }: { user: User }) {
  return <Badge>{words.roles[standingOf(user)]}</Badge>;
}

/** Only what is unusual, unless `isWhole`. */
export function Status({ user: { is_active, is_verified }, isWhole = false }: { user: User; isWhole?: boolean }) {
  const { status } = words;
  return (
    <span class="tags">
      {is_active ? <Badge kind="good">{status.active}</Badge> : <Badge kind="bad">{status.suspended}</Badge>}
      {is_verified ? isWhole && <Badge kind="good">{status.verified}</Badge> : <Badge>{status.unverified}</Badge>}
    </span>
  );
}

/** Since when the user has a second factor. */
export function Factor({ user, none = words.shell.none }: { user: User; none?: string }) {
  return <Day time={user.second_factor_since} none={none} />;
}
