import type { Lapsing } from "../objects/lapsing.ts";

const CLOSED_UNTIL = "closed_until";

/** Stores until when a deleted user's object refuses to open a session, in milliseconds since the epoch. */
export class ClosedAccount implements Lapsing {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  closeUntil(time: number): void {
    this.#kept.put(CLOSED_UNTIL, time);
  }

  isClosed(now: number): boolean {
    return (this.nextLapse() ?? 0) > now;
  }

  dropLapsed(now: number): void {
    // `delete` costs a written row even if no time is stored.
    if ((this.nextLapse() ?? now + 1) <= now) this.#kept.delete(CLOSED_UNTIL);
  }

  nextLapse(): number | undefined {
    return this.#kept.get(CLOSED_UNTIL);
  }
}
