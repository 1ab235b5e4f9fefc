/** Who must have a second factor, and from when on: the variables `SECOND_FACTOR` and `SECOND_FACTOR_GRACE_DAYS`. */
import type { Config } from "../config/config.ts";
import type { User } from "../users/user.ts";
import { isOperator } from "./permissions.ts";

type Rules = Pick<Config, "secondFactor">;

type Ranked = Pick<User, "role" | "isSuperuser">;

type Demanded = Ranked & Pick<User, "secondFactorDemandedAt">;

/** Whether the user must have a second factor once the grace is over. */
export function mustHaveFactor({ secondFactor: { policy } }: Rules, user: Ranked): boolean {
  return policy === "required" || (policy === "required_for_operators" && isOperator(user));
}

/**
 * When the user must have a second factor, in milliseconds since the epoch; `null` for never.
 *
 * The grace begins when the service notices that it applies: when an operator gives the user such a role, otherwise at the
 * user's next login or refresh. So after the setting is turned on, users who come back later have their whole grace too.
 */
export function factorRequiredFrom(rules: Rules, user: Demanded, now: number): number | null {
  return mustHaveFactor(rules, user) ? (user.secondFactorDemandedAt ?? now) + rules.secondFactor.grace : null;
}

/** Whether the user must have a second factor by now. */
export function isFactorDue(rules: Rules, user: Demanded, now: number): boolean {
  const from = factorRequiredFrom(rules, user, now);
  return from !== null && from <= now;
}

/**
 * The least length of a new password of this user (NIST SP 800-63B-4 §3.1.1.2). Only a user who must have a second factor
 * may have a shorter one: who has a factor by choice can remove it, and then the password is alone.
 */
export function minimumPasswordLength(rules: Rules & Pick<Config, "passwords">, user: Demanded, now: number): number {
  const { minimumLength, minimumLengthWithFactor } = rules.passwords;
  return isFactorDue(rules, user, now) ? minimumLengthWithFactor : minimumLength;
}

/**
 * What a login stores as `secondFactorDemandedAt`; `undefined` if that doesn't change. A demand that has ended is
 * forgotten: the next one has a grace of its own.
 */
export function changedDemand(rules: Rules, user: Demanded, now: number): number | null | undefined {
  const demandedAt = mustHaveFactor(rules, user) ? (user.secondFactorDemandedAt ?? now) : null;
  return demandedAt === user.secondFactorDemandedAt ? undefined : demandedAt;
}
