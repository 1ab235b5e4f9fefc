/** Who must have a second factor, and from when: the variables `SECOND_FACTOR` and `SECOND_FACTOR_GRACE_DAYS`. */
import type { Config } from "../config/config.ts";
import type { User } from "../users/user.ts";
import { isOperator } from "./permissions.ts";

type Rules = Pick<Config, "secondFactor">;

type Ranked = Pick<User, "role" | "isSuperuser">;

type Demanded = Ranked & Pick<User, "secondFactorDemandedAt">;

/** Whether the user must have a second factor, now or when their grace period ends. */
export function mustHaveFactor({ secondFactor: { policy } }: Rules, user: Ranked): boolean {
  return policy === "required" || (policy === "required_for_operators" && isOperator(user));
}

/**
 * When the user must have a second factor, in milliseconds since the epoch; `null` for never.
 *
 * The grace period begins when an operator gives the user a role that needs a factor. After `SECOND_FACTOR` is turned
 * on, it begins at the user's next login or refresh, so that users who come back later have the whole period too.
 */
export function factorRequiredFrom(rules: Rules, user: Demanded, now: number): number | null {
  return mustHaveFactor(rules, user) ? (user.secondFactorDemandedAt ?? now) + rules.secondFactor.grace : null;
}

/** Whether the user must have a second factor, and their grace period has ended. */
export function isFactorDue(rules: Rules, user: Demanded, now: number): boolean {
  const from = factorRequiredFrom(rules, user, now);
  return from !== null && from <= now;
}

/**
 * The minimum length of a new password of this user (NIST SP 800-63B-4 §3.1.1.2). Only a user who must have a second
 * factor, and whose grace period has ended, may have a shorter password. A user who has a factor by choice can remove
 * the factor, and then the password alone is enough for a login.
 */
export function minimumPasswordLength(rules: Rules & Pick<Config, "passwords">, user: Demanded, now: number): number {
  const { minimumLength, minimumLengthWithFactor } = rules.passwords;
  return isFactorDue(rules, user, now) ? minimumLengthWithFactor : minimumLength;
}

/**
 * The new value of `secondFactorDemandedAt` for a login to store; `undefined` if the value doesn't change. `null` for a
 * user who no longer needs a factor: if they need one again later, a new grace period begins.
 */
export function changedDemand(rules: Rules, user: Demanded, now: number): number | null | undefined {
  const demandedAt = mustHaveFactor(rules, user) ? (user.secondFactorDemandedAt ?? now) : null;
  return demandedAt === user.secondFactorDemandedAt ? undefined : demandedAt;
}
