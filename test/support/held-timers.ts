/**
 * Timers that a test fires itself, so that no test waits for time to pass. Unlike vitest's fake timers, these are only
 * the timers that one call sets. Durable Objects run in the same isolate and set their own timers. If a test fired a
 * timer of an object, workerd would refuse this as I/O on behalf of a different object.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { vi } from "vitest";

interface Timer {
  callback: () => void;
  milliseconds: number;
}

/** The platform's own functions, read before a test replaces them. */
const { setTimeout: setTimer, clearTimeout: clearTimer } = globalThis;
const isHurried = new AsyncLocalStorage<true>();

/** The longest pause between tries, in milliseconds. */
const LONGEST_PAUSE = 5_000;

/** Calls a function whose pauses between tries take no time. Longer timers stay: they limit how long something waits. */
export function withoutPauses<Result>(call: () => Promise<Result>): Promise<Result> {
  const isPause = (milliseconds: number) => isHurried.getStore() === true && milliseconds <= LONGEST_PAUSE;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((callback: () => void, milliseconds = 0) =>
    setTimer(callback, isPause(milliseconds) ? 0 : milliseconds)) as typeof setTimeout);
  return isHurried.run(true, call);
}

/** Holds the timers of the functions that `hold` calls, until the end of the test. */
export function heldTimers() {
  const isHeld = new AsyncLocalStorage<true>();
  const timers = new Map<object, Timer>();
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((callback: () => void, milliseconds = 0) => {
    if (isHeld.getStore() === undefined) return setTimer(callback, milliseconds);
    const handle = {};
    timers.set(handle, { callback, milliseconds });
    return handle;
  }) as typeof setTimeout);
  vi.spyOn(globalThis, "clearTimeout").mockImplementation(((handle: object) => {
    if (!timers.delete(handle)) clearTimer(handle as never);
  }) as typeof clearTimeout);
  return {
    /** Calls a function whose timers wait for `end`. */
    hold: <Result>(call: () => Result): Result => isHeld.run(true, call),
    /** The durations of the timers that wait, in milliseconds. */
    get waiting(): number[] {
      return [...timers.values()].map(({ milliseconds }) => milliseconds);
    },
    /** Fires the timers that wait. */
    end(): void {
      for (const [handle, { callback }] of [...timers]) {
        timers.delete(handle);
        callback();
      }
    },
  };
}
