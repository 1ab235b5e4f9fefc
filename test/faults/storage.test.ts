/**
 * Objects whose own storage fails at any call, or that are evicted. They may count too much, but never too little.
 */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { HandOver } from "../../src/metrics/tally.ts";
import { FAULT_TEXT, type Fault, moveClock, type Plan } from "../support/faults.ts";
import { visitor } from "./cast.ts";
import { Table } from "./table.ts";

const tried = new Table("calls of storage");
afterAll(() => tried.print());

const FAILURES = ["before", "after"] as const satisfies Fault[];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RULE = { budget: 5, window: HOUR };

/** An object, as far as these tests use it. */
interface Instance {
  alarm(): Promise<void>;
  take(...values: unknown[]): Promise<unknown>;
  read(handedOver: HandOver): HandOver;
}

/** Wraps a storage so that the planned call fails. Adds the name of each call to `names`. */
function failing<Storage extends object>(storage: Storage, names: string[], plan: Plan | undefined): Storage {
  return new Proxy(storage, {
    get(_, name) {
      const value: unknown = Reflect.get(storage, name);
      if (typeof value === "object" && value !== null) return failing(value, names, plan);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        const strikes = names.push(String(name)) === plan?.at;
        if (strikes && plan?.fault === "before") throw new Error(FAULT_TEXT);
        const result: unknown = Reflect.apply(value, storage, values);
        if (!strikes) return result;
        if (!(result instanceof Promise)) throw new Error(FAULT_TEXT);
        return result.then(() => Promise.reject(new Error(FAULT_TEXT)));
      };
    },
  });
}

/** Does something in an object whose storage fails at one call. Returns the calls. */
async function withFailure(
  stub: DurableObjectStub,
  work: (instance: Instance) => Promise<unknown>,
  plan?: Plan,
): Promise<string[]> {
  const names: string[] = [];
  await runInDurableObject(stub, async (instance, state) => {
    Reflect.set(instance, "ctx", { storage: failing(state.storage, names, plan), waitUntil: () => {} });
    const failure = await work(instance as unknown as Instance).then(() => undefined, String);
    Reflect.set(instance, "ctx", state);
    expect(failure).toBe(plan === undefined ? undefined : `Error: ${FAULT_TEXT}`);
  });
  // After the eviction, the next call finds only what the failed call has stored.
  await evictDurableObject(stub);
  return names;
}

/** Makes every call of storage fail in each way. `run` returns the calls. */
async function atEachCall(what: string, run: (plan?: Plan) => Promise<string[]>): Promise<void> {
  const usual = await run();
  expect(usual.length, "calls").toBeGreaterThan(0);
  for (const fault of FAILURES) {
    for (const [index, name] of usual.entries()) {
      await run({ at: index + 1, fault }).catch((error: Error) => {
        throw new Error(`${name}, call ${index + 1}, ${fault}: ${error.message}`, { cause: error });
      });
      tried.count(what, fault);
    }
  }
}

const stored = (stub: DurableObjectStub) =>
  runInDurableObject(stub, async (_, { storage }) => ({
    keys: [...storage.kv.list()].map(([key]) => key),
    alarm: await storage.getAlarm(),
  }));

const fireAgain = (stub: DurableObjectStub) =>
  runInDurableObject(stub, (instance) => (instance as unknown as Instance).alarm());

/** Objects that count attempts, and the arguments with which `take` counts one attempt of five. */
const COUNTING = [
  { name: "RateLimiter", objects: env.RATE_LIMITER, attempt: [[{ entry: "theoretical_arrival", rule: RULE }]] },
  { name: "LoginGuard", objects: env.LOGIN_GUARD, attempt: ["a network", RULE] },
] as const;

const fresh = (objects: { getByName(name: string): object }) =>
  objects.getByName(crypto.randomUUID()) as DurableObjectStub;

describe("an attempt whose storage fails", () => {
  it.each(COUNTING)("is refused, and never makes another one free: $name", ({ name, objects, attempt }) =>
    atEachCall(`an attempt at a ${name}`, async (plan) => {
      const stub = fresh(objects);
      const calls = await withFailure(stub, (instance) => instance.take(...attempt), plan);
      const answer = await runInDurableObject(stub, (instance) => (instance as unknown as Instance).take(...attempt));
      const [{ remaining } = { remaining: Number.NaN }] = [answer].flat() as { remaining: number }[];
      // The failed attempt may or may not have counted.
      expect([3, 4]).toContain(remaining);
      expect((await stored(stub)).alarm, "an alarm is set").not.toBeNull();
      return calls;
    }),
  );
});

describe("an alarm whose storage fails", () => {
  it.each(
    COUNTING.flatMap((each) => [
      { ...each, isOver: false, what: "keeps what counts" },
      { ...each, isOver: true, what: "empties the object" },
    ]),
  )("$what when it fires again: $name", ({ name, objects, attempt, isOver }) =>
    atEachCall(`the alarm of a ${name}`, async (plan) => {
      const stub = fresh(objects);
      await runInDurableObject(stub, (instance) => (instance as unknown as Instance).take(...attempt));
      if (isOver) moveClock(30 * DAY);
      const calls = await withFailure(stub, (instance) => instance.alarm(), plan);
      await fireAgain(stub);
      const { keys, alarm } = await stored(stub);
      vi.restoreAllMocks();
      expect(keys.length > 0, "something is stored").toBe(!isOver);
      expect(alarm !== null, "an alarm is set").toBe(!isOver);
      return calls;
    }),
  );

  it("empties the object of a user once all is over", () =>
    atEachCall("the alarm of a user's sessions", async (plan) => {
      const { userId } = await visitor();
      const stub = env.USER_SESSIONS.getByName(userId);
      moveClock(400 * DAY);
      const calls = await withFailure(stub, (instance) => instance.alarm(), plan);
      await fireAgain(stub);
      expect(await stored(stub)).toEqual({ keys: [], alarm: null });
      vi.restoreAllMocks();
      return calls;
    }));
});

describe("the Metrics object", () => {
  it("never goes back below what was scraped, whichever call of its storage fails", () =>
    atEachCall("a scrape of Metrics", async (plan) => {
      const stub = fresh(env.METRICS);
      const read = (instance: Instance, seen: number) =>
        instance.read({ counts: { seen_total: [seen] }, waiting: 0 }).counts.seen_total?.[0] ?? 0;
      const scrape = (seen: number) =>
        runInDurableObject(stub, (instance) => read(instance as unknown as Instance, seen));
      expect(await scrape(2)).toBe(2);
      await evictDurableObject(stub);
      const calls = await withFailure(stub, async (instance) => read(instance, 1), plan);
      expect(await scrape(0)).toBeGreaterThanOrEqual(plan?.fault === "before" ? 2 : 3);
      return calls;
    }));
});
