import type { Delivery } from "../objects/deliveries.ts";
import { inTime, SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";

const ENTRY = "second_factor_flag";
/**
 * Also clears `imported_factors`, because the user's object has already taken over the imported factors, or all factors
 * were removed.
 */
const CHANGE = "UPDATE `users` SET `second_factor_since` = ?, `imported_factors` = NULL WHERE `id` = ?";
const FIRST_RETRY = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;

/** A change that is not in D1 yet. */
interface Change {
  userId: string;
  /** When the user's second factor was added, in milliseconds since the epoch; `null` if there is none. */
  since: number | null;
  failures: number;
}

/**
 * Tells D1 whether a user has a second factor. Lists, searches and the login read this in D1. The user's object is the
 * source of truth, and writes each change to D1. If a write fails, the object's alarm tries again.
 */
export class SecondFactorFlag implements Delivery<{ DB: D1Database }> {
  readonly #kept: SyncKvStorage;
  /** The previous write. The next write waits for its end, because D1 must get the changes in order. */
  #writing: Promise<void> = Promise.resolve();

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  note(userId: string, since: number | null): void {
    this.#kept.put<Change>(ENTRY, { userId, since, failures: 0 });
  }

  get isLeft(): boolean {
    return this.#change !== undefined;
  }

  dueAt(now: number): number {
    const failures = this.#change?.failures ?? 0;
    return failures === 0 ? now : now + doublingPause(failures, FIRST_RETRY, LONGEST_RETRY);
  }

  async deliver({ DB }: { DB: D1Database }): Promise<() => void> {
    this.#writing = this.#writing.then(() => this.#write(DB));
    await this.#writing;
    return () => {};
  }

  /** Never throws. */
  async #write(db: D1Database): Promise<void> {
    const change = this.#change;
    if (change === undefined) return;
    const { userId, since } = change;
    try {
      const update = db.prepare(CHANGE).bind(since, userId);
      await inTime(update.run());
      // If there was another change during the write, that change must still be written.
      if (this.#change?.since === since) this.#kept.delete(ENTRY);
    } catch (error) {
      const attempts = change.failures + 1;
      this.#kept.put<Change>(ENTRY, { ...(this.#change ?? change), failures: attempts });
      writeLog("error", { event: "second_factor_not_noted", user_id: userId, attempts, error: describeError(error) });
    }
  }

  get #change(): Change | undefined {
    return this.#kept.get<Change>(ENTRY);
  }
}
