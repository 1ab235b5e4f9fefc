import type { LimitRule } from "../config/limit-rules.ts";
import { type LimitReading, takeAttempt } from "../limits/gcra.ts";

/** The storage key of all sessions' budgets: for each session id, the number that `limits/gcra.ts` describes. */
const REFRESHES = "refreshes";

/**
 * How often each session of a user may be refreshed. Counted in the user's own object and not in a RateLimiter object,
 * because a refused refresh must not rotate the token.
 */
export class RefreshLimit {
  readonly #storage: SyncKvStorage;

  constructor(storage: SyncKvStorage) {
    this.#storage = storage;
  }

  take(sessionId: string, rule: LimitRule, now: number): LimitReading {
    const kept = this.#storage.get<Record<string, number>>(REFRESHES) ?? {};
    const { reading, arrival } = takeAttempt(kept[sessionId] ?? 0, rule, now);
    if (reading.allowed) {
      const others = Object.entries(kept).filter(([, until]) => until > now);
      this.#storage.put(REFRESHES, { ...Object.fromEntries(others), [sessionId]: arrival });
    }
    return reading;
  }
}
