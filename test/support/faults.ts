/**
 * Makes one of a request's calls to bindings go wrong. The bindings are the real ones. Only the call with the chosen
 * number fails, ends late, never ends, or is the last that the isolate makes. With the fault `evicted`, every call
 * meets an evicted object.
 */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { watchedDatabase } from "./watched-database.ts";

export const FAULTS = {
  before: "fails before its effect",
  after: "fails after its effect",
  slow: "ends with the clock 20 seconds on",
  stuck: "never ends, so that its time limit strikes",
  lost: "is the last before the isolate is lost",
  evicted: "and every other finds its object evicted",
} as const;

export type Fault = keyof typeof FAULTS;

/** Which call goes wrong, counted from 1, and how. */
export interface Plan {
  at: number;
  fault: Fault;
}

/** Calls without an effect, in addition to D1's reading statements. */
const READS = new Set([
  ...[
    "USER_SESSIONS.epochOf",
    "USER_SESSIONS.list",
    "USER_SESSIONS.devices",
    "USER_SESSIONS.factors.list",
    "USER_SESSIONS.factors.passkeys",
    "REVOCATIONS.get",
    "ASSETS.fetch",
  ],
  ...["MAIL_QUEUE.metrics", "MAIL_DEAD_LETTERS.metrics", "AUDIT_QUEUE.metrics", "AUDIT_DEAD_LETTERS.metrics"],
]);

/** The message of the error that a fault throws. No client may ever see it. */
export const FAULT_TEXT = "This call was made to fail";

/**
 * How far the clock is ahead after a slow call, in milliseconds. No test waits that long: the call really takes
 * `PAUSE`, which is enough for simultaneous calls to end, and too short to reach a time limit of the service.
 */
const SLOW = 20_000;
const PAUSE = 20;
/** Far longer than any shortened time limit. */
const PATIENCE = 5_000;

/** The platform's own functions. While a request runs, {@link surrounded} replaces them by faster ones. */
const setTimer = globalThis.setTimeout;
const timeout = AbortSignal.timeout.bind(AbortSignal);

export class Calls {
  /** The name of every call that was made, such as `DB.batch`. */
  readonly names: string[] = [];
  /** The indexes in `names` of calls without an effect: for them, failing before and after the effect is the same. */
  readonly reads = new Set<number>();
  /** The messages that the queues accepted. */
  readonly queued: { queue: string; body: unknown }[] = [];
  /** How many calls met an object that had been running, and was evicted just before the call. */
  evictions = 0;
  /** Resolves when the isolate is lost. */
  readonly lost: Promise<undefined>;
  readonly bindings: Bindings;
  readonly plan: Plan | undefined;
  /** The real bindings, and the variables. */
  readonly given: object;
  readonly #running: Promise<unknown>[] = [];
  #lose: () => void = () => {};
  #isLost = false;

  constructor(plan?: Plan, given: object = env) {
    this.plan = plan;
    this.given = given;
    this.lost = new Promise((resolve) => {
      this.#lose = () => resolve(undefined);
    });
    this.bindings = this.#wrapAll(given) as Bindings;
  }

  /** Whether the call that should go wrong has been made. */
  get hasStruck(): boolean {
    return this.plan !== undefined && this.names.length >= this.plan.at;
  }

  /** Waits for work in this isolate. Returns `false` if the work did not end, because the isolate was lost before. */
  async wait(work: Promise<unknown>): Promise<boolean> {
    // If a call is stuck, the time limits are shortened, so work that takes longer has no time limit and never ends.
    const isHanging = this.plan?.fault === "stuck" ? pauseFor(PATIENCE) : this.lost;
    const hasEnded = await Promise.race([work.then(() => true), this.lost, isHanging]);
    // Calls that were still running when the isolate was lost.
    await Promise.all(this.#running);
    return hasEnded === true;
  }

  /** Makes a call, or makes it go wrong. */
  async call<Result>(
    name: string,
    make: (fault?: Fault) => Promise<Result>,
    onlyReads = READS.has(name),
  ): Promise<Result> {
    if (this.#isLost) return new Promise(() => {});
    if (onlyReads) this.reads.add(this.names.length);
    this.names.push(name);
    const { at, fault: planned } = this.plan ?? {};
    const fault = planned === "evicted" || this.names.length === at ? planned : undefined;
    if (fault === "before") throw new Error(FAULT_TEXT);
    if (fault === "stuck") return new Promise(() => {});
    if (fault === "slow") await pauseFor(PAUSE);
    if (fault === "lost") this.#isLost = true;
    const result = make(fault);
    this.#running.push(result.catch(() => {}));
    if (fault === "lost") {
      result.catch(() => {}).finally(this.#lose);
      return new Promise(() => {});
    }
    const value = await result;
    if (fault === "after") throw new Error(FAULT_TEXT);
    if (fault === "slow") moveClock(SLOW);
    return value;
  }

  /** Wraps every binding of an isolate or an object according to its kind. Variables stay as they are. */
  #wrapAll(given: object): object {
    const wrapped = Object.entries(given).map(([name, binding]) => [name, this.#wrap(name, binding)]);
    return Object.fromEntries(wrapped);
  }

  #wrap(name: string, binding: unknown): unknown {
    if (typeof binding !== "object" || binding === null || Array.isArray(binding)) return binding;
    // Recognize a binding by its class: a stub seems to have every method.
    const kind = binding.constructor.name;
    if (kind === "D1Database") {
      return watchedDatabase(binding as D1Database, (make, method, onlyReads) =>
        this.call(`${name}.${method}`, make, onlyReads),
      );
    }
    if (kind === "DurableObjectNamespace") {
      const namespace = binding as { getByName(name: string): object };
      return {
        getByName: (key: string) => {
          const stub = namespace.getByName(key);
          return this.#wrapMethods(name, stub, () => evict(stub));
        },
      };
    }
    return this.#wrapMethods(name, binding);
  }

  #wrapMethods(name: string, target: object, evictTarget = async () => false): object {
    return new Proxy(target, {
      get: (_, method) => {
        // A stub has every method that is asked for. With `then` it would look like a promise.
        if (method === "then") return undefined;
        const original: unknown = Reflect.get(target, method);
        if (typeof original !== "function") return original;
        if (method === "factors")
          return (...values: unknown[]) =>
            this.#wrapFactors(name, () => Reflect.apply(original, target, values), evictTarget);
        return (...values: unknown[]) =>
          this.call(`${name}.${String(method)}`, async (fault) => {
            if (fault === "evicted" && (await evictTarget())) this.evictions += 1;
            const result = await Reflect.apply(original, target, values);
            if (method === "send") this.queued.push({ queue: name, body: values[0] });
            if (method === "sendBatch") {
              for (const { body } of values[0] as { body: unknown }[]) this.queued.push({ queue: name, body });
            }
            return result;
          });
      },
    });
  }

  /**
   * Wraps what the object's method `factors` returns. `factors` itself makes no call of the object: each method of the
   * returned value makes one.
   */
  #wrapFactors(name: string, ask: () => object, evictTarget: () => Promise<boolean>): object {
    const get = (_: object, method: string | symbol) => {
      const make = async (values: unknown[], fault?: Fault) => {
        if (fault === "evicted" && (await evictTarget())) this.evictions += 1;
        const factors = ask();
        try {
          return await Reflect.apply(Reflect.get(factors, method), factors, values);
        } finally {
          (factors as Disposable)[Symbol.dispose]();
        }
      };
      // Each call has already disposed of the `factors` that it asked for.
      if (method === Symbol.dispose) return () => {};
      const whole = `${name}.factors.${String(method)}`;
      return (...values: unknown[]) => this.call(whole, (fault) => make(values, fault));
    };
    return new Proxy({}, { get });
  }
}

/** Shortens the timers of an isolate, but not those of objects, which run in the same isolate here. */
const hurry = new AsyncLocalStorage<(milliseconds?: number) => number>();

/**
 * Does some work of an isolate. Answers its outgoing fetches, and shortens its timers. Without that, the tests would
 * wait for the pauses between tries. Longer timers, which are time limits, are shortened only if a call is stuck, so
 * that other calls reach none of them.
 */
export async function surrounded<Result>(
  calls: Calls,
  answer: (request: Request) => Promise<Response>,
  work: () => Promise<Result>,
): Promise<Result> {
  const elsewhere = vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => {
    const request = new Request(input, init);
    const aborted = new Promise<never>((_, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
    return Promise.race([calls.call("fetch", () => answer(request)), aborted]);
  });
  const fault = calls.plan?.fault;
  const longest = fault === "stuck" ? Number.POSITIVE_INFINITY : 1_000;
  // An eviction waits until the object has stored its state, for up to five seconds.
  const patience = fault === "evicted" ? 10 : 1;
  const shorten = (milliseconds = 0) => (milliseconds > longest ? milliseconds * patience : milliseconds / 100);
  const pauses = vi
    .spyOn(globalThis, "setTimeout")
    .mockImplementation(((run: () => void, milliseconds?: number) =>
      setTimer(run, hurry.getStore()?.(milliseconds) ?? milliseconds)) as typeof setTimeout);
  const limits = vi
    .spyOn(AbortSignal, "timeout")
    .mockImplementation((milliseconds) => timeout(hurry.getStore()?.(milliseconds) ?? milliseconds));
  try {
    return await hurry.run(shorten, work);
  } finally {
    for (const spy of [elsewhere, pauses, limits]) spy.mockRestore();
  }
}

/** Sets the service's clock ahead by this much until mocks are restored. */
export function moveClock(milliseconds: number): void {
  vi.spyOn(systemClock, "now").mockImplementation(() => Date.now() + milliseconds);
}

function pauseFor(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimer(() => resolve(undefined), milliseconds));
}

/** Evicts an object, so that its next call starts from what it has stored. Returns whether the object was running. */
async function evict(stub: object): Promise<boolean> {
  try {
    await evictDurableObject(stub as DurableObjectStub);
    return true;
  } catch (error) {
    if (!String(error).includes("it is not currently running")) throw error;
    return false;
  }
}
