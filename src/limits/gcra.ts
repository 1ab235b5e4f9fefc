/**
 * GCRA, the generic cell rate algorithm (ITU-T I.371). It stores one number for each key, the theoretical arrival time:
 * the moment at which the key's budget will be full again. These functions are pure. The object that stores the number
 * must handle one attempt at a time.
 */
import type { LimitRule } from "../config/limit-rules.ts";

/** The result of one attempt. Times are milliseconds from now. */
export interface LimitReading {
  allowed: boolean;
  /** How many attempts are left. */
  remaining: number;
  /** How long until the budget is full again. */
  resetAfter: number;
  /** How long until the next attempt is allowed; 0 if this attempt was allowed. */
  retryAfter: number;
}

/** One of the budgets that an object stores: the storage key of the budget's number, and the rule. */
export interface StoredBudget {
  entry: string;
  rule: LimitRule;
}

/** Half a millisecond of tolerance, for budgets that do not divide their window evenly. */
const ROUNDING = 0.5;

/**
 * Takes one attempt from the budget, or refuses it. `kept` is the stored number, or 0 if none is stored. `arrival` is
 * the number to store. A refused attempt costs nothing.
 */
export function takeAttempt(kept: number, rule: LimitRule, now: number): { reading: LimitReading; arrival: number } {
  const cost = costOf(rule);
  const before = Math.max(kept, now);
  const next = before + cost;
  const allowed = next - now <= rule.window + ROUNDING;
  const arrival = allowed ? next : before;
  const used = arrival - now;
  const remaining = remainingOf(rule, used);
  const retryAfter = allowed ? 0 : next - now - rule.window;
  return { reading: { allowed, remaining, resetAfter: used, retryAfter }, arrival };
}

/** What a budget has left, and when it is full again. Times are milliseconds from now. */
export type BudgetState = Pick<LimitReading, "remaining" | "resetAfter">;

/** What is left of a budget now. Takes nothing. */
export function lookAtBudget(kept: number, rule: LimitRule, now: number): BudgetState {
  const used = Math.max(0, kept - now);
  return { remaining: remainingOf(rule, used), resetAfter: used };
}

/** The state of several budgets that all have to allow an attempt. */
export function strictest(states: readonly BudgetState[]): BudgetState {
  return {
    remaining: Math.min(...states.map(({ remaining }) => remaining)),
    resetAfter: Math.max(...states.map(({ resetAfter }) => resetAfter)),
  };
}

function remainingOf(rule: LimitRule, used: number): number {
  return Math.max(0, Math.floor((rule.window + ROUNDING - used) / costOf(rule)));
}

/**
 * Takes one attempt from each budget. If one of them refuses, takes none, and `arrivals` is empty. Even then, the
 * readings of the other budgets show the attempt as taken.
 */
export function takeAttempts(budgets: readonly StoredBudget[], keptOf: (budget: StoredBudget) => number, now: number) {
  const taken = budgets.map((budget) => ({ ...budget, ...takeAttempt(keptOf(budget), budget.rule, now) }));
  const readings = taken.map(({ reading }) => reading);
  const isAllowed = readings.every(({ allowed }) => allowed);
  return { isAllowed, readings, arrivals: isAllowed ? taken : [] };
}

/**
 * The values with which an SQL statement takes one attempt. The statement must add `cost` to the stored number or to
 * the current time, whichever is later. It must refuse the attempt if the result is greater than `latest`.
 */
export function attemptTerms(rule: LimitRule, now: number): { cost: number; latest: number } {
  return { cost: costOf(rule), latest: now + rule.window + ROUNDING };
}

/** The number to store after `attempts` more attempts, all of which were allowed earlier. */
export function countAttempts(kept: number, rule: LimitRule, now: number, attempts = 1): number {
  return Math.max(kept, now) + attempts * costOf(rule);
}

/** The number to store after an attempt is refunded. */
export function refundAttempt(kept: number, rule: LimitRule): number {
  return kept - costOf(rule);
}

/** The cost of one attempt: how many milliseconds later the budget will be full again. */
function costOf({ budget, window }: LimitRule): number {
  return window / budget;
}
