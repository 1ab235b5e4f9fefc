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

/** Half a millisecond of tolerance, for budgets that do not divide their window evenly. */
const ROUNDING = 0.5;

/**
 * Takes one attempt from the budget, or refuses it. `arrival` is the number to store; a refused attempt leaves it
 * unchanged.
 */
export function takeAttempt(kept: number, rule: LimitRule, now: number): { reading: LimitReading; arrival: number } {
  const cost = rule.window / rule.budget;
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
 * The same for a number that a statement of SQL changes: it adds `cost` to the later of now and the number, unless the
 * result is beyond `latest`.
 */
export function attemptTerms(rule: LimitRule, now: number): { cost: number; latest: number } {
  return { cost: rule.window / rule.budget, latest: now + rule.window + ROUNDING };
}

/** The number to store after an attempt is refunded. */
export function refundAttempt(kept: number, rule: LimitRule): number {
  return kept - rule.window / rule.budget;
}
