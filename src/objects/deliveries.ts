import type { Meter } from "../platform/meter.ts";

/** Something of an object that reaches beyond it. The object's alarm tries until it succeeds. */
export interface Delivery<Bindings> {
  /** Whether something is left to deliver. */
  readonly isLeft: boolean;
  /** When to try next, in milliseconds since the epoch. After a failure the pause doubles. */
  dueAt(now: number): number;
  /** Tries. Never throws: what fails stays. Returns what to count. */
  deliver(bindings: Bindings, now: number): Promise<(meter: Meter) => void>;
}
