/**
 * GCRA, the generic cell rate algorithm (ITU-T I.371). A key's whole state is one number, the theoretical arrival time:
 * the moment at which its budget will be full again. The functions are pure; the object that stores the number must
 * handle one attempt at a time.
 */
import type { LimitRule } from "../config/limit-rules.ts";

/** The result of one attempt. Times are milliseconds from now. */
export interface LimitReading {
  allowed: boolean;
  /** Attempts left. */
  remaining: number;
  /** Until the budget is full again. */
  resetAfter: number;
  /** Until the next attempt is allowed; 0 if one is allowed now. */
  retryAfter: number;
}

/** One of the budgets that an object stores: the name of its number there, and its rule. */
export interface StoredBudget {
  entry: string;
  rule: LimitRule;
}

/** Half a millisecond of tolerance, for budgets that do not divide their window evenly. */
const ROUNDING = 0.5;

/**
 * Takes one attempt from the budget, or refuses it. `arrival` is the number to store; a refused attempt leaves it
 * unchanged.
 */
export function takeAttempt(kept: number, rule: LimitRule, now: number): { reading: LimitReading; arrival: number } {
  const cost = costOf(rule);
  const before = Math.max(kept, now);
  const next = before + cost;
  const allowed = next - now <= rule.window + ROUNDING;
  const arrival = allowed ? next : before;
  const used = arrival - now;
  const remaining = Math.max(0, Math.floor((rule.window + ROUNDING - used) / cost));
  const retryAfter = allowed ? 0 : next - now - rule.window;
  return { reading: { allowed, remaining, resetAfter: used, retryAfter }, arrival };
}

/**
 * Takes one attempt from each budget, or from none if one of them refuses: then `arrivals` is empty. Either way, the
 * reading of a budget that allows the attempt counts it.
 */
export function takeAttempts(budgets: readonly StoredBudget[], keptOf: (budget: StoredBudget) => number, now: number) {
  const taken = budgets.map((budget) => ({ ...budget, ...takeAttempt(keptOf(budget), budget.rule, now) }));
  const readings = taken.map(({ reading }) => reading);
  const isAllowed = readings.every(({ allowed }) => allowed);
  return { isAllowed, readings, arrivals: isAllowed ? taken : [] };
}

/**
 * The same for a number that a statement of SQL changes: it adds `cost` to the later of now and the number, unless the
 * result is beyond `latest`.
 */
export function attemptTerms(rule: LimitRule, now: number): { cost: number; latest: number } {
  return { cost: costOf(rule), latest: now + rule.window + ROUNDING };
}

/** The number to store after `attempts` that were allowed before. */
export function countAttempts(kept: number, rule: LimitRule, now: number, attempts = 1): number {
  return Math.max(kept, now) + attempts * costOf(rule);
}

/** The number to store after an attempt is refunded. */
export function refundAttempt(kept: number, rule: LimitRule): number {
  return kept - costOf(rule);
}

/** How much later one attempt makes the budget full again. */
function costOf({ budget, window }: LimitRule): number {
  return window / budget;
}
