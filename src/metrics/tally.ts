/** What one isolate has counted and not handed over yet. Holds no promise, because a promise belongs to one request. */
import { addCounts, type Counts } from "./counts.ts";

/** A hand-over to the Metrics object. */
export interface HandOver {
  counts: Counts;
  /** The largest number of passwords that waited for hashing at the same time. */
  waiting: number;
}

export class Tally {
  /** How many requests have ended since the last hand-over. */
  requests = 0;
  /** When the request that waits to hand over began to wait; `undefined` if no request waits. */
  waitsSince: number | undefined;
  /** When a request last handed over without waiting (without `METRICS_TOKEN`). */
  handedOverAt = 0;
  #counts: Counts = {};
  #waiting = 0;

  get isEmpty(): boolean {
    return this.#waiting === 0 && Object.keys(this.#counts).length === 0;
  }

  add(counts: Counts): void {
    addCounts(this.#counts, counts);
  }

  noteWaiting(passwords: number): void {
    this.#waiting = Math.max(this.#waiting, passwords);
  }

  /** Returns everything that was counted. Counting starts again from 0. */
  take(): HandOver {
    const taken = { counts: this.#counts, waiting: this.#waiting };
    this.#counts = {};
    this.#waiting = 0;
    this.requests = 0;
    return taken;
  }

  /** Puts back counts that could not be handed over. */
  putBack({ counts, waiting }: HandOver): void {
    this.add(counts);
    this.noteWaiting(waiting);
  }
}

/** The tally of this isolate. */
export const isolateTally = new Tally();
