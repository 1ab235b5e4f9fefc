import { type LimitRule, LONGEST_PAUSE } from "../config/limit-rules.ts";
import { doublingPause } from "../platform/retry.ts";
import type { FailedProof } from "./factor-proofs.ts";

const ENTRY = "wrong_codes";

interface WrongCodes {
  count: number;
  /** When the current pause ends, in milliseconds since the epoch; 0 if there is no pause. */
  nextAt: number;
}

/**
 * Counts wrong codes in a row, over all logins of the user, so that a new login doesn't allow more guesses (NIST SP
 * 800-63B-4 §3.2.2). When the count reaches the rule's budget, a pause begins. Each further wrong code doubles the
 * pause. Passkeys can't be guessed, so they are not counted, and no pause applies to them.
 */
export class FactorAttempts {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  /**
   * Judges a code with `use`, which returns `undefined` if the code is wrong. During a pause, returns `limited` without
   * calling `use`. Without a rule, wrong codes are not counted.
   */
  judge<Right>(rule: LimitRule | undefined, now: number, use: () => Right | undefined): Right | FailedProof {
    const wait = rule === undefined ? 0 : Math.max(0, this.#wrong.nextAt - now);
    if (wait > 0) return { outcome: "limited", wait };
    const right = use();
    if (right !== undefined) this.forget();
    else if (rule !== undefined) this.#countWrong(rule, now);
    return right ?? { outcome: "invalid" };
  }

  forget(): void {
    if (this.#wrong.count > 0) this.#kept.delete(ENTRY);
  }

  #countWrong(rule: LimitRule, now: number): void {
    const count = this.#wrong.count + 1;
    const excess = count - rule.budget + 1;
    const nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
    this.#kept.put<WrongCodes>(ENTRY, { count, nextAt });
  }

  get #wrong(): WrongCodes {
    return this.#kept.get<WrongCodes>(ENTRY) ?? { count: 0, nextAt: 0 };
  }
}
