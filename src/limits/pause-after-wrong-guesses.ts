/**
 * The growing pause after wrong guesses in a row at one login name. The rule `loginPerAccount` says how many guesses
 * cause no pause, and how long the first pause is. Each further guess doubles the pause, up to `LONGEST_PAUSE`. After
 * a day without a guess, the count starts again.
 */
import { type LimitRule, LONGEST_PAUSE, PAUSE_MEMORY } from "../config/limit-rules.ts";
import { doublingPause } from "../platform/retry.ts";
import type { Guesses } from "./login-guard-state.ts";

/** How long to wait before the next guess, in milliseconds; 0 if it is allowed now. */
export function pauseLeft({ count, nextAt }: Guesses, rule: LimitRule, now: number): number {
  return count < rule.budget ? 0 : Math.max(0, nextAt - now);
}

/** Counts a guess that is allowed, and starts the pause that follows it, if the rule demands one. */
export function countGuess(guesses: Guesses, rule: LimitRule, now: number): void {
  guesses.count += 1;
  guesses.lastAt = now;
  const excess = guesses.count - rule.budget + 1;
  guesses.nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
}

/** Refunds a guess that was counted. Returns `false` if no guess is counted. */
export function refundGuess(guesses: Guesses): boolean {
  if (guesses.count === 0) return false;
  guesses.count -= 1;
  // The guess was allowed, so no earlier pause was left that must be restored.
  guesses.nextAt = 0;
  return true;
}

/**
 * Ends the pause after a day without a guess. If a user has the name, the guard remembers guesses for longer. A
 * pause that lasted as long would reveal that the user exists.
 */
export function forgetPause(guesses: Guesses, now: number): void {
  if (now - guesses.lastAt < PAUSE_MEMORY) return;
  endPause(guesses);
}

/** Ends the pause. The guesses still count towards the block of the password. */
export function endPause(guesses: Guesses): void {
  guesses.hidden += guesses.count;
  guesses.count = 0;
  guesses.nextAt = 0;
}
