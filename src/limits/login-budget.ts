/**
 * The budget of one user's successful logins. Unlike the other budgets, this budget is stored in the user's row. The
 * statement that records a login also takes from this budget, so that no additional round trip is needed.
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
 * Refuses a login if the budget is used up. `loginsUntil` is the column `logins_until` of the user's row. Call this
 * only after the password was right, because the refusal reveals that the user exists.
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
