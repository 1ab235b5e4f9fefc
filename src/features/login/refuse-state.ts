import type { Services } from "../../endpoint/services.ts";
import { refuse } from "../../platform/refusal.ts";
import type { User } from "../../users/user.ts";

/** Refuses and records the login of a user who has proved who they are, but whose account is unverified or disabled. */
export function refuseState({ audit }: Services, { id: userId, isActive, isVerified }: User) {
  if (isActive && isVerified) return undefined;
  const state = isVerified ? refuse("account_disabled", { userId }) : refuse("email_not_verified", { userId });
  audit.note("login_failed", { userId, details: { reason: state.code } });
  return state;
}
