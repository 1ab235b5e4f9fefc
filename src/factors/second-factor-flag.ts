import type { Delivery } from "../objects/deliveries.ts";
import { inTime, SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";

const ENTRY = "second_factor_flag";
/** Also clears the imported factors: from now on the object has them, or they were removed. */
const CHANGE = "UPDATE `users` SET `second_factor_since` = ?, `imported_factors` = NULL WHERE `id` = ?";
const FIRST_RETRY = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;

/** What D1 does not know yet. */
interface Change {
  userId: string;
  /** Since when the user has a second factor, in milliseconds since the epoch; `null` without one. */
  since: number | null;
  failures: number;
}

/**
 * Whether a user has a second factor, as D1 tells lists, searches and the login. The user's object decides, and writes it
 * to D1 with each change. If that fails, its alarm does.
 */
export class SecondFactorFlag implements Delivery<{ DB: D1Database }> {
  readonly #kept: SyncKvStorage;
  /** The write before: D1 must get changes in their order. */
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
      // Unless it has changed again meanwhile.
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
