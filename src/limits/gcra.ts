/**
 * GCRA, the generic cell rate algorithm (ITU-T I.371): a key's whole state is one number, the theoretical
 * arrival time, which is the moment at which its budget will be whole again. Pure: whoever keeps the number
 * sees to it that one attempt is judged at a time.
 */
import type { LimitRule } from "../config/limit-rules.ts";

/** What an attempt met. Times are milliseconds from now. */
export interface LimitReading {
  allowed: boolean;
  /** Attempts left. */
  remaining: number;
  /** Until the budget is whole again. */
  resetAfter: number;
  /** Until the next attempt is allowed; 0 where one is allowed now. */
  retryAfter: number;
}

/** Half a millisecond forgives the rounding of budgets that do not divide their window. */
const ROUNDING = 0.5;

/** Judges one attempt. `arrival` is the number to keep: that of before where the attempt is refused. */
export function judgeAttempt(kept: number, rule: LimitRule, now: number): { reading: LimitReading; arrival: number } {
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

/** The number to keep once an attempt is given back. */
export function giveAttemptBack(kept: number, rule: LimitRule): number {
  return kept - rule.window / rule.budget;
}
