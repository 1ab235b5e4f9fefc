import type { Lapsing } from "../objects/lapsing.ts";

const CLOSED_UNTIL = "closed_until";

/** After a user was deleted, refuses to open a session until a stored time, in milliseconds since the epoch. */
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
    // A deletion costs a row even if nothing is kept.
    if ((this.nextLapse() ?? now + 1) <= now) this.#kept.delete(CLOSED_UNTIL);
  }

  nextLapse(): number | undefined {
    return this.#kept.get(CLOSED_UNTIL);
  }
}
