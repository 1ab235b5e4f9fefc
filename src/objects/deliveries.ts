import type { Meter } from "../platform/meter.ts";

/**
 * Data that a Durable Object must write or send to another store, such as D1, KV or a queue. The object's alarm repeats
 * the delivery until it succeeds.
 */
export interface Delivery<Bindings> {
  /** Whether something is left to deliver. */
  readonly isLeft: boolean;
  /** When to try next, in milliseconds since the epoch. The pause doubles after each failure. */
  dueAt(now: number): number;
  /** Tries once. Never throws: after a failure, `isLeft` stays true. Returns a function that counts the results. */
  deliver(bindings: Bindings, now: number): Promise<(meter: Meter) => void>;
}
