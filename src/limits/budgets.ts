/**
 * Limits as features use them. A feature names the rules and keys of a request, and all its budgets are asked in one
 * hop. The decision includes the rate limit headers for the client.
 */

import type { LimitName, LimitRule, LimitRules } from "../config/limit-rules.ts";
import { SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { Meter } from "../platform/meter.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import type { LimitReading } from "./gcra.ts";
import type { RateLimiter } from "./rate-limiter-object.ts";

/** One budget of one rule. The key may be personal data, so only a MAC of it leaves this file. */
export interface Limit {
  rule: LimitName;
  key: string;
  /** How many times the budget of the rule this key has; 1 if absent. */
  factor?: number;
  /** How many attempts of the rule's budget this key may not use; none if absent. */
  reserved?: number;
}

/** The budget for emails of one kind to one address. */
export function mailLimit(kind: string, email: string): Limit {
  return { rule: "mailPerRecipient", key: `${kind} ${email}` };
}

/**
 * The budget for all emails to one address that people without its account can cause. Of these, only links that reset
 * the password may use the last one. Take them in this order, one after another: at once, other emails that are refused
 * would hold the last one for a moment.
 */
export function strangerMailLimits(email: string, isReset: boolean): Limit[] {
  const rule = "strangerMailPerRecipient";
  const all: Limit = { rule, key: email };
  return isReset ? [all] : [{ rule, key: `other ${email}`, reserved: 1 }, all];
}

export interface LimitDecision {
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), for every response. */
  headers: Record<string, string>;
  /** Present if a budget is used up. */
  refusal?: Refusal<"rate_limited">;
}

export type Limiter = ReturnType<typeof createLimiter>;

/** A limiter that counts nothing (`RATE_LIMITING=off`). */
export const unlimited: Limiter = {
  take: async () => ({ headers: {} }),
  refund: async () => {},
};

/** One budget, wherever it is stored. Each call is one hop. */
export interface Budget {
  name: LimitName;
  /** The budget as an item of the `RateLimit-Policy` header. */
  policy: string;
  take(): Promise<LimitReading>;
  refund(): Promise<void>;
}

/** A rule as an item of the `RateLimit-Policy` header: its budget, and its window in seconds. */
export function policyOf(name: LimitName, { budget, window }: LimitRule): string {
  return `"${name}";q=${budget};w=${Math.ceil(window / SECOND)}`;
}

/** What counting a limit needs. */
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
  const budgetsOf = (limits: Limit[]) => limits.map((limit) => limiterBudget(limit, objects, rules, secrets, hops));
  return {
    /** Takes one attempt from each budget, all at once. */
    take: (limits: Limit[]) => takeAll(budgetsOf(limits), meter),
    /** Refunds the attempts. A failed refund is logged and does not fail the request. */
    refund: (limits: Limit[]) => refundAll(budgetsOf(limits)),
  };
}

export function limiterBudget(
  { rule: name, key, factor = 1, reserved = 0 }: Limit,
  objects: DurableObjectNamespace<RateLimiter>,
  rules: LimitRules,
  secrets: Secrets,
  hops: Hops,
): Budget & { forget(): Promise<void> } {
  const rule = { ...rules[name], budget: rules[name].budget * factor - reserved };
  const object = () => objects.getByName(`${name}:${limitedKey(secrets, `${name}:${key}`)}`);
  return {
    name,
    policy: policyOf(name, rule),
    take: () => hops.hop("limiter", () => object().take(rule)),
    refund: () => hops.hop("limiter", () => object().refund(rule)),
    forget: () => hops.hop("limiter", () => object().forget()),
  };
}

/** A MAC of a key, because the key may be personal data. */
export function limitedKey(secrets: Secrets, key: string): string {
  return encodeBase64url(secrets.sign("limited-key", utf8(key)));
}

/**
 * Takes one attempt from each budget, all at once. If a budget can't be asked, throws that error after refunding the
 * others.
 */
export async function takeAll(budgets: Budget[], meter: Meter): Promise<LimitDecision> {
  const asked = await Promise.allSettled(budgets.map(async (budget) => ({ ...budget, reading: await budget.take() })));
  const readings = asked.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
  const failure = asked.find((outcome) => outcome.status === "rejected");
  const decision = decide(readings);
  const hit = new Set(readings.filter(({ reading }) => !reading.allowed).map(({ name }) => name));
  for (const limit of hit) meter.count("limits_hit", { limit });
  // A refused request must not use up the other budgets. Otherwise a network that has used up its own budget could go
  // on to use up the budget of another person's account.
  if (failure !== undefined || decision.refusal !== undefined) {
    await refundAll(readings.filter(({ reading }) => reading.allowed));
  }
  if (failure !== undefined) throw failure.reason;
  return decision;
}

/** Never throws: if refunds fail, that is only logged, once. */
export async function refundAll(budgets: Budget[]): Promise<void> {
  const refunds = await Promise.allSettled(budgets.map((budget) => budget.refund()));
  const failure = refunds.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) await withoutFail(() => Promise.reject(failure.reason));
}

/** Sends an update to a limiter. A failure is logged and does not undo what has happened. */
export async function withoutFail(tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    writeLog("error", { event: "limiter_not_told", error: describeError(error) });
  }
}

type Taken = Pick<Budget, "name" | "policy"> & { reading: LimitReading };

/** The headers for the client, and the refusal if a budget is used up. */
export function decide(readings: readonly Taken[]): LimitDecision {
  const seconds = (milliseconds: number) => Math.ceil(milliseconds / SECOND);
  const shown = tightest(readings);
  const policies = shown.map(({ policy }) => policy);
  const states = shown.map(
    ({ name, reading }) => `"${name}";r=${reading.remaining};t=${seconds(reading.retryAfter || reading.resetAfter)}`,
  );
  const headers = { "RateLimit-Policy": policies.join(", "), RateLimit: states.join(", ") };
  if (readings.every(({ reading }) => reading.allowed)) return { headers };
  const wait = Math.max(...readings.map(({ reading }) => reading.retryAfter));
  const retryAfter = String(Math.max(1, seconds(wait)));
  return { headers, refusal: refuse("rate_limited", { headers: { ...headers, "Retry-After": retryAfter } }) };
}

/** One reading for each rule: if a rule has several budgets, the one that holds the client back most. */
function tightest(readings: readonly Taken[]): Taken[] {
  const byName = new Map<LimitName, Taken>();
  for (const taken of readings) {
    const other = byName.get(taken.name)?.reading;
    const isTighter = other === undefined || taken.reading.retryAfter > other.retryAfter;
    if (isTighter || taken.reading.remaining < other.remaining) byName.set(taken.name, taken);
  }
  return [...byName.values()];
}
