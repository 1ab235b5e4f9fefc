import { type LimitRule, LONGEST_PAUSE } from "../config/limit-rules.ts";
import { doublingPause } from "../platform/retry.ts";

const ENTRY = "wrong_codes";

interface WrongCodes {
  count: number;
  /** When the next code is checked, in milliseconds since the epoch. */
  nextAt: number;
}

/**
 * Wrong codes in a row, counted over all logins of the user: a new login doesn't start with fresh guesses
 * (NIST SP 800-63B-4 §3.2.2). After as many as the rule's budget, a pause begins that doubles with each further one. A
 * passkey can't be guessed, so it is neither counted nor kept waiting.
 */
export class FactorAttempts {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  /** Milliseconds until the next code is checked; 0 if one is checked now. */
  wait(now: number): number {
    return Math.max(0, this.#wrong.nextAt - now);
  }

  countWrong(rule: LimitRule, now: number): void {
    const count = this.#wrong.count + 1;
    const excess = count - rule.budget + 1;
    const nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
    this.#kept.put<WrongCodes>(ENTRY, { count, nextAt });
  }

  forget(): void {
    if (this.#wrong.count > 0) this.#kept.delete(ENTRY);
  }

  get #wrong(): WrongCodes {
    return this.#kept.get<WrongCodes>(ENTRY) ?? { count: 0, nextAt: 0 };
  }
}
