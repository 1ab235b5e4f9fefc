/**
 * Makes one call of a request to a binding go wrong. Every binding is the real one; only the call with the chosen number
 * fails, ends late or never, meets an evicted object, or is the last that the isolate makes.
 */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
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

/** Calls without an effect, beside statements of D1. */
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

/** In what a fault throws. No client may ever see it. */
export const FAULT_TEXT = "This call was made to fail";

/**
 * By how much the clock is ahead once a slow call has ended. No test waits for that: the call itself takes `PAUSE`, in
 * which those that run at the same time end, and no time limit of the service strikes.
 */
const SLOW = 20_000;
const PAUSE = 20;
/** Far longer than any time limit that is hurried. */
const PATIENCE = 5_000;

/** The real ones. While a request is sent, those of the platform may be hurried. */
const setTimer = globalThis.setTimeout;
const timeout = AbortSignal.timeout.bind(AbortSignal);

export class Calls {
  /** Every call that was made, as `DB.batch`. */
  readonly names: string[] = [];
  /** The indexes of those that have no effect: they fail before it as they fail after it. */
  readonly reads = new Set<number>();
  /** What the queues accepted. */
  readonly queued: { queue: string; body: unknown }[] = [];
  /** How many calls found an object evicted that had been running. */
  evictions = 0;
  /** Resolves when the isolate is lost. */
  readonly lost: Promise<undefined>;
  readonly bindings: Bindings;
  readonly plan: Plan | undefined;
  /** The real bindings. */
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

  /** Whether the call that was to go wrong has been made. */
  get hasStruck(): boolean {
    return this.plan !== undefined && this.names.length >= this.plan.at;
  }

  /** Waits for work in this isolate. Returns whether it ended: not if the isolate is lost before. */
  async wait(work: Promise<unknown>): Promise<boolean> {
    // Work on a call that is stuck has hurried limits. If it has none, it never ends.
    const isHanging = this.plan?.fault === "stuck" ? pauseFor(PATIENCE) : this.lost;
    const hasEnded = await Promise.race([work.then(() => true), this.lost, isHanging]);
    // What was still running when the isolate was lost.
    await Promise.all(this.#running);
    return hasEnded === true;
  }

  /** Makes a call, or lets it go wrong. */
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

  /** Every binding of an isolate or an object, by what it is. Variables stay as they are. */
  #wrapAll(given: object): object {
    const wrapped = Object.entries(given).map(([name, binding]) => [name, this.#wrap(name, binding)]);
    return Object.fromEntries(wrapped);
  }

  #wrap(name: string, binding: unknown): unknown {
    if (typeof binding !== "object" || binding === null || Array.isArray(binding)) return binding;
    // By their class: a stub seems to have every method.
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

  /** What an object returns for the calls of its factors. A call of that is one of the object, which is made with it. */
  #wrapFactors(name: string, ask: () => object, evictTarget: () => Promise<boolean>): object {
    const get = (_: object, method: string | symbol) => {
      const make = async (values: unknown[], fault?: Fault) => {
        if (fault === "evicted" && (await evictTarget())) this.evictions += 1;
        const factors = ask();
        return Reflect.apply(Reflect.get(factors, method), factors, values);
      };
      const whole = `${name}.factors.${String(method)}`;
      return (...values: unknown[]) => this.call(whole, (fault) => make(values, fault));
    };
    return new Proxy({}, { get });
  }
}

/**
 * Answers outgoing fetches, and hurries timers: pauses between tries, which would make the tests wait. Time limits are
 * hurried only for a call that is stuck, so that none strikes otherwise. Returns what undoes it.
 */
export function surround(calls: Calls, answer: (request: Request) => Promise<Response>): () => void {
  const elsewhere = vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => {
    const request = new Request(input, init);
    const aborted = new Promise<never>((_, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
    return Promise.race([calls.call("fetch", () => answer(request)), aborted]);
  });
  const longest = calls.plan?.fault === "stuck" ? Number.POSITIVE_INFINITY : 1_000;
  const hurry = (milliseconds = 0) => (milliseconds > longest ? milliseconds : milliseconds / 100);
  const pauses = vi
    .spyOn(globalThis, "setTimeout")
    .mockImplementation(((run: () => void, milliseconds?: number) =>
      setTimer(run, hurry(milliseconds))) as typeof setTimeout);
  const limits = vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => timeout(hurry(milliseconds)));
  return () => {
    for (const spy of [elsewhere, pauses, limits]) spy.mockRestore();
  };
}

/** From now on the clock is ahead by this much, until mocks are restored. */
export function moveClock(milliseconds: number): void {
  vi.spyOn(systemClock, "now").mockImplementation(() => Date.now() + milliseconds);
}

function pauseFor(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimer(() => resolve(undefined), milliseconds));
}

/** The next call of the object starts with what is stored. Returns whether the object was running. */
async function evict(stub: object): Promise<boolean> {
  try {
    await evictDurableObject(stub as DurableObjectStub);
    return true;
  } catch (error) {
    if (!String(error).includes("it is not currently running")) throw error;
    return false;
  }
}
