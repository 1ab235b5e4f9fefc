/**
 * Limits as features use them. A feature names the rules and keys that limit a request. In one round trip, the limiter
 * takes one attempt from each of their budgets.
 */

import { LIMIT_RULES, type LimitName, type LimitRule, type LimitRules } from "../config/limit-rules.ts";
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { Meter } from "../platform/meter.ts";
import { decide, type LimitDecision, policyOf, type Reading } from "./decision.ts";
import type { BudgetState, LimitReading, StoredBudget } from "./gcra.ts";
import type { RateLimiter } from "./rate-limiter-object.ts";

/** The storage key of the object's own budget. Don't rename this key: earlier versions stored budgets with it. */
const ARRIVAL = "theoretical_arrival";

/** One budget of one rule. The key may be personal data, so objects get only a keyed hash (MAC) of it. */
export interface Limit {
  rule: LimitName;
  key: string;
  /**
   * Another key, whose object stores this budget, so that one call takes from the budgets of both keys. If absent, the
   * object of `key` stores this budget.
   */
  storedWith?: string;
  /** The factor by which the rule's budget is multiplied for this key; 1 if absent. */
  factor?: number;
  /** How many attempts of the rule's budget this key may not use; none if absent. */
  reserved?: number;
}

/** The kinds of emails that have a budget of `mailPerRecipient` for each address. */
export const LIMITED_MAILS = [
  "confirm_email",
  "email_change_requested",
  "email_login",
  "invitation",
  "new_login",
  "refresh_reused",
  "resend_verification",
  "reset_password",
  "send_password_reset",
  "undo_email_change",
] as const;

export type LimitedMail = (typeof LIMITED_MAILS)[number];

/** The budget for emails of one kind to one address. */
export function mailLimit(kind: LimitedMail, email: string): Limit {
  return { rule: "mailPerRecipient", key: `${kind} ${email}` };
}

/**
 * Limits the emails to one address that anyone can request, not only the account's owner. The last email of the budget
 * is reserved for a link that resets the password.
 */
export function strangerMailLimits(email: string, isReset: boolean): Limit[] {
  const rule = "strangerMailPerRecipient";
  const all: Limit = { rule, key: email };
  return isReset ? [all] : [{ rule, key: `other ${email}`, storedWith: email, reserved: 1 }, all];
}

export type Limiter = ReturnType<typeof createLimiter>;

/** A limiter that counts nothing (`RATE_LIMITING=off`). */
export const unlimited: Limiter = {
  take: async () => ({ headers: {} }),
  refund: async () => {},
  look: async (limits) => limits.map(({ rule }) => ({ remaining: LIMIT_RULES[rule].budget, resetAfter: 0 })),
  clear: async () => {},
};

/** Budgets that one object stores together. Each method makes one call. */
export interface Budgets {
  /** Takes one attempt from each budget, or from none if one of them refuses. */
  take(): Promise<Reading[]>;
  /** Returns one attempt to each budget. */
  refund(): Promise<void>;
}

/** The services that the limiter uses. */
export interface LimitParts {
  secrets: Secrets;
  hops: Hops;
  meter: Meter;
}

export function createLimiter(
  objects: DurableObjectNamespace<RateLimiter>,
  rules: LimitRules,
  { secrets, hops, meter }: LimitParts,
) {
  /** Groups limits by the object that stores them. `ask` calls that object. */
  function groupsOf(limits: readonly Limit[]) {
    const byObject = Map.groupBy(limits, (limit) => objectNameOf(limit, secrets));
    return [...byObject].map(([name, together]) => ({
      together,
      stored: together.map((limit) => storedBudget(limit, rules, secrets)),
      ask: <Result>(call: (object: DurableObjectStub<RateLimiter>) => Promise<Result>) =>
        hops.hop("limiter", () => call(objects.getByName(name))),
    }));
  }

  function budgetsOf(limits: readonly Limit[]): Budgets[] {
    return groupsOf(limits).map(({ together, stored, ask }) => ({
      take: async () => readingsOf(together, rules, await ask((object) => object.take(stored))),
      refund: () => ask((object) => object.refund(stored)),
    }));
  }

  return {
    /** Takes one attempt from each budget, all at once. */
    take: (limits: readonly Limit[]) => takeAll(budgetsOf(limits), meter),
    /** Refunds the attempts. A failed refund is logged and does not fail the request. */
    refund: (limits: readonly Limit[]) => refundAll(budgetsOf(limits)),
    /** What is left of each budget. Takes nothing. */
    async look(limits: readonly Limit[]): Promise<BudgetState[]> {
      const states = await Promise.all(
        groupsOf(limits).map(({ stored, ask }) => ask(async (object): Promise<BudgetState[]> => object.look(stored))),
      );
      return states.flat();
    },
    /** Fills the budgets again. */
    async clear(limits: readonly Limit[]): Promise<void> {
      await Promise.all(groupsOf(limits).map(({ stored, ask }) => ask(async (object) => object.clear(stored))));
    },
  };
}

/** The name of the object that stores a budget. */
export function objectNameOf({ rule, key, storedWith = key }: Limit, secrets: Secrets): string {
  return `${rule}:${limitedKey(secrets, `${rule}:${storedWith}`)}`;
}

/** A budget as its object stores it. */
export function storedBudget(limit: Limit, rules: LimitRules, secrets: Secrets): StoredBudget {
  const { rule: name, key, storedWith } = limit;
  const entry = storedWith === undefined ? ARRIVAL : limitedKey(secrets, `${name}:${key}`);
  return { entry, rule: ruleOf(limit, rules) };
}

/** Adds the limit's name and policy to each reading. `readings` has the same order as `limits`. */
export function readingsOf(limits: readonly Limit[], rules: LimitRules, readings: readonly LimitReading[]): Reading[] {
  return readings.flatMap((reading, index) => {
    const limit = limits[index];
    return limit === undefined ? [] : { name: limit.rule, policy: policyOf(limit.rule, ruleOf(limit, rules)), reading };
  });
}

/** The rule of a limit, with the limit's factor and reserve applied to the budget. */
export function ruleOf({ rule, factor = 1, reserved = 0 }: Limit, rules: LimitRules): LimitRule {
  return { ...rules[rule], budget: rules[rule].budget * factor - reserved };
}

/** A keyed hash (MAC) of a limit's key, because that key may be personal data. */
export function limitedKey(secrets: Secrets, key: string): string {
  return encodeBase64url(secrets.sign("limited-key", utf8(key)));
}

/**
 * Takes one attempt from each budget, all at once. If one refuses, refunds the others. If the call to one fails,
 * refunds the others and throws the error.
 */
export async function takeAll(budgets: readonly Budgets[], meter: Meter): Promise<LimitDecision> {
  const asked = await Promise.allSettled(
    budgets.map(async (together) => ({ ...together, readings: await together.take() })),
  );
  const answers = asked.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
  const failure = asked.find((outcome) => outcome.status === "rejected");
  const readings = answers.flatMap((answer) => answer.readings);
  const decision = decide(readings);
  const hit = new Set(readings.filter(({ reading }) => !reading.allowed).map(({ name }) => name));
  for (const limit of hit) meter.count("limits_hit", { limit });
  // A refused request must not use up the other budgets. Otherwise a network whose own budget is used up could still
  // use up the budget of another person's account.
  if (failure !== undefined || decision.refusal !== undefined) {
    await refundAll(answers.filter((answer) => answer.readings.every(({ reading }) => reading.allowed)));
  }
  if (failure !== undefined) throw failure.reason;
  return decision;
}

/** Returns an attempt to each budget. Never throws: logs the first failure. */
export async function refundAll(budgets: readonly Pick<Budgets, "refund">[]): Promise<void> {
  const refunds = await Promise.allSettled(budgets.map((budget) => budget.refund()));
  const failure = refunds.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) await withoutFail(() => Promise.reject(failure.reason));
}

/** Sends an update to a limit's object. Never throws: logs a failure. */
export async function withoutFail(tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    writeLog("error", { event: "limiter_not_told", error: describeError(error) });
  }
}
