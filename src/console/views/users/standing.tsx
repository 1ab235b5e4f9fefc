/** How users are described: their names, role and status. */
import type { User } from "../../api.ts";
import { Badge, Day } from "../../parts.tsx";
import { words } from "../../words.ts";

export const standingOf = ({ role, is_superuser }: User) => (is_superuser ? "superuser" : role);

export function Standing({ user }: { user: User }) {
  return <Badge>{words.roles[standingOf(user)]}</Badge>;
}

/** Shows whether the user is active and verified. The badge of a verified user appears only if `isWhole`. */
export function Status({ user: { is_active, is_verified }, isWhole = false }: { user: User; isWhole?: boolean }) {
  const { status } = words;
  return (
    <span class="tags">
      {is_active ? <Badge kind="good">{status.active}</Badge> : <Badge kind="bad">{status.suspended}</Badge>}
      {is_verified ? isWhole && <Badge kind="good">{status.verified}</Badge> : <Badge>{status.unverified}</Badge>}
    </span>
  );
}

/** Shows the day on which the user's second factor was added, or `none` if there is none. */
export function Factor({ user, none = words.shell.none }: { user: User; none?: string }) {
  return <Day time={user.second_factor_since} none={none} />;
}
