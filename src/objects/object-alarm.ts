import type { Meter } from "../platform/meter.ts";
import type { Delivery } from "./deliveries.ts";
import { earliest, type Lapsing } from "./lapsing.ts";

interface Duties<Bindings> {
  lapsing: readonly Lapsing[];
  deliveries: readonly Delivery<Bindings>[];
}

/**
 * What the alarm of an object does: deletes what has lapsed, and delivers what is left. An object has one alarm, which
 * is set for the earliest of these.
 */
export class ObjectAlarm<Bindings> {
  readonly #storage: DurableObjectStorage;
  readonly #duties: Duties<Bindings>;

  constructor(storage: DurableObjectStorage, duties: Duties<Bindings>) {
    this.#storage = storage;
    this.#duties = duties;
  }

  /** Sets the alarm, if it is not due earlier. */
  async armFor(time: number): Promise<void> {
    const armed = await this.#storage.getAlarm();
    if (armed === null || armed > time) await this.#storage.setAlarm(time);
  }

  /** Does what is due, and never throws. Returns what to count; `undefined` if nothing was left to deliver. */
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

  /** Sets the next alarm. What is left to deliver comes first. `false` if there is nothing more to do. */
  async setNext(now: number): Promise<boolean> {
    const { lapsing, deliveries } = this.#duties;
    const nextTry = earliest(deliveries.map((delivery) => (delivery.isLeft ? delivery.dueAt(now) : undefined)));
    const next = nextTry ?? earliest(lapsing.map((part) => part.nextLapse()));
    if (next !== undefined) await this.#storage.setAlarm(next);
    return next !== undefined;
  }
}
