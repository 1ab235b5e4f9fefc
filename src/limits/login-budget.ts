/**
 * The budget of logins of one user that succeed. Unlike the other budgets, it is counted in the user's row, by the
 * statement that records a login. So it costs no round trip.
 */
import type { Config } from "../config/config.ts";
import type { LimitRule } from "../config/limit-rules.ts";
import type { Refusal } from "../platform/refusal.ts";
import { decide, policyOf } from "./decision.ts";
import { takeAttempt } from "./gcra.ts";

/** `undefined` if limits are off. */
export function loginsRule({ enforced, rules }: Config["limits"]): LimitRule | undefined {
  return enforced ? rules.loginsPerUser : undefined;
}

/**
 * Refuses a login if the budget is used up. `loginsUntil` is the number that the user's row holds. Only for a client that
 * has sent the right password: the refusal reveals that there is such a user.
 */
export function refuseTooManyLogins(
  loginsUntil: number,
  rule: LimitRule | undefined,
  now: number,
): Refusal<"rate_limited"> | undefined {
  if (rule === undefined) return undefined;
  const { reading } = takeAttempt(loginsUntil, rule, now);
  return decide([{ name: "loginsPerUser", policy: policyOf("loginsPerUser", rule), reading }]).refusal;
}
