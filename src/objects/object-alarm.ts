import type { Meter } from "../platform/meter.ts";
import type { Delivery } from "./deliveries.ts";
import { earliest, type Lapsing } from "./lapsing.ts";

interface Duties<Bindings> {
  lapsing: readonly Lapsing[];
  deliveries: readonly Delivery<Bindings>[];
}

/**
 * What the alarm of a Durable Object does: it deletes expired records, and makes pending deliveries. All of them share
 * the alarm, because an object has only one.
 */
export class ObjectAlarm<Bindings> {
  readonly #storage: DurableObjectStorage;
  readonly #duties: Duties<Bindings>;

  constructor(storage: DurableObjectStorage, duties: Duties<Bindings>) {
    this.#storage = storage;
    this.#duties = duties;
  }

  /** Sets the alarm to `time`, unless it is already set to an earlier time. */
  async armFor(time: number): Promise<void> {
    const armed = await this.#storage.getAlarm();
    if (armed === null || armed > time) await this.#storage.setAlarm(time);
  }

  /**
   * Deletes expired records, and tries every pending delivery. Never throws. Returns a function that counts the
   * results; `undefined` if no delivery was pending.
   */
  async run(bindings: Bindings, now: number): Promise<((meter: Meter) => void) | undefined> {
    const { lapsing, deliveries } = this.#duties;
    for (const part of lapsing) part.dropLapsed(now);
    const left = deliveries.filter(({ isLeft }) => isLeft);
    if (left.length === 0) return undefined;
    const counts = await Promise.all(left.map((delivery) => delivery.deliver(bindings, now)));
    return (meter) => {
      for (const count of counts) count(meter);
    };
  }

  /**
   * Sets the next alarm: for the next try of a delivery or, if no delivery is pending, for the next record to delete.
   * Returns `false` if there is nothing to do.
   */
  async setNext(now: number): Promise<boolean> {
    const { lapsing, deliveries } = this.#duties;
    const nextTry = earliest(deliveries.map((delivery) => (delivery.isLeft ? delivery.dueAt(now) : undefined)));
    const next = nextTry ?? earliest(lapsing.map((part) => part.nextLapse()));
    if (next !== undefined) await this.#storage.setAlarm(next);
    return next !== undefined;
  }
}
