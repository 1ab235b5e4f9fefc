import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createMetricsStore } from "../../src/metrics/hand-over.ts";
import { createMeter } from "../../src/metrics/meter.ts";
import type { Metrics } from "../../src/metrics/metrics-object.ts";
import { Tally } from "../../src/metrics/tally.ts";
import { SECOND, systemClock } from "../../src/platform/clock.ts";
import { Hops } from "../../src/platform/hops.ts";
import { eventually } from "../support/eventually.ts";
import { heldTimers } from "../support/held-timers.ts";
import { recordLogs } from "../support/logs.ts";

const OK = 'cron_runs{result="ok"}';
const object = () => env.METRICS.getByName("metrics");
const nothing = { counts: {}, waiting: 0 };
const one = { counts: { [OK]: [1] }, waiting: 0 };

/** An isolate whose clock the test sets, and whose pauses the test ends. */
function isolate(objects = env.METRICS, isAll = true) {
  const tally = new Tally();
  const meter = createMeter(tally, undefined, { isAll });
  const time = { now: 1_000_000 };
  const pauses: (() => void)[] = [];
  const waited: number[] = [];
  const clock = { now: () => time.now };
  const wait = (milliseconds: number) => {
    waited.push(milliseconds);
    return new Promise<void>((done) => pauses.push(done));
  };
  const store = createMetricsStore(objects, tally, { clock, hops: new Hops(systemClock) }, { isAll, wait });
  const request = () => {
    meter.count("cron_runs", { result: "ok" });
    return store.handOver();
  };
  return { tally, meter, time, pauses, waited, store, request };
}

/** The real object, and a count of the calls in which isolates hand over their counts. */
function countingCalls() {
  const calls = { adds: 0 };
  const getByName = (name: string) => {
    const stub = env.METRICS.getByName(name);
    return {
      add: (handedOver: Parameters<Metrics["add"]>[0]) => {
        calls.adds += 1;
        return stub.add(handedOver);
      },
    };
  };
  return { calls, objects: { getByName } as unknown as typeof env.METRICS };
}

const known = async (): Promise<number> => (await object().read(nothing)).counts[OK]?.[0] ?? 0;

beforeEach(async () => {
  await runInDurableObject(object(), (_, state) => state.storage.deleteAll());
  await abortAllDurableObjects();
});

describe("an isolate", () => {
  it("hands over what all its requests counted in ten seconds, with one call", async () => {
    const { calls, objects } = countingCalls();
    const { pauses, waited, request } = isolate(objects);
    const requests = Array.from({ length: 200 }, request);
    expect([waited, calls.adds]).toEqual([[10 * SECOND], 0]);
    pauses[0]?.();
    await Promise.all(requests);
    expect([calls.adds, await known()]).toEqual([1, 200]);
  });

  it("calls the object once for 1,000 requests, however fast they come", async () => {
    const { calls, objects } = countingCalls();
    const { tally, pauses, request } = isolate(objects);
    const requests = Array.from({ length: 3_500 }, request);
    await eventually(() => expect(calls.adds).toBe(3));
    expect(tally.requests, "what an eviction would lose").toBe(500);
    pauses[0]?.();
    await Promise.all(requests);
    expect([calls.adds, await known()]).toEqual([4, 3_500]);
  });

  it("hands over again after a request was lost that waited for the others", async () => {
    const { calls, objects } = countingCalls();
    const { pauses, time, request } = isolate(objects);
    request();
    time.now += 19 * SECOND;
    await request();
    expect(pauses).toHaveLength(1);
    time.now += 1 * SECOND;
    const next = request();
    pauses[1]?.();
    await next;
    expect([calls.adds, await known()]).toEqual([1, 3]);
  });

  it("keeps what the object did not take, and hands it over the next time", async () => {
    const { tally, meter, store } = isolate();
    const broken = {
      getByName: () => {
        throw new Error("overloaded");
      },
    } as unknown as typeof env.METRICS;
    meter.count("cron_runs", { result: "ok" });
    meter.noteWaiting(3);
    const logs = recordLogs();
    await createMetricsStore(broken, tally, { clock: systemClock, hops: new Hops(systemClock) }).handOverNow();
    expect(logs()).toMatchObject([{ level: "warn", event: "metrics_not_handed_over" }]);
    expect(await known()).toBe(0);
    await store.handOverNow();
    expect(await known()).toBe(1);
    expect((await object().read(nothing)).waiting).toBe(3);
  });

  it("waits five seconds for an object that never answers, so that a queue's consumer can end", async () => {
    const timers = heldTimers();
    const silent = { getByName: () => ({ add: () => new Promise<never>(() => {}) }) } as unknown as typeof env.METRICS;
    const { tally, meter, store } = isolate(silent);
    meter.count("cron_runs", { result: "ok" });
    const logs = recordLogs();
    const ended = timers.hold(() => store.handOverNow());
    expect(timers.waiting).toEqual([5 * SECOND]);
    timers.end();
    await ended;
    expect(logs()).toMatchObject([{ level: "warn", event: "metrics_not_handed_over" }]);
    expect(tally.take().counts).toEqual(one.counts);
  });

  it("counts no time below 0 where the clock was set back: a sum that falls looks like a restart", () => {
    const { tally, meter } = isolate();
    meter.time("storage_hop_duration_seconds", { target: "d1" }, -500);
    const [numbers = []] = Object.values(tally.take().counts);
    expect([numbers[0], numbers.at(-1)]).toEqual([1, 0]);
  });

  it("does not call the object if nothing was counted", async () => {
    const { calls, objects } = countingCalls();
    await isolate(objects).store.handOverNow();
    expect(calls.adds).toBe(0);
  });
});

describe("an isolate without METRICS_TOKEN", () => {
  it("counts only what has a history, hands it over with no wait, and at most once in ten seconds", async () => {
    const { calls, objects } = countingCalls();
    const { meter, request, store, tally, time, waited } = isolate(objects, false);
    meter.noteWaiting(3);
    meter.time("storage_hop_duration_seconds", { target: "d1" }, 5);
    await request();
    expect([calls.adds, tally.isEmpty]).toEqual([0, true]);
    const login = () => {
      meter.count("logins", { result: "succeeded" });
      return store.handOver();
    };
    await login();
    await login();
    expect(calls.adds).toBe(1);
    time.now += 10 * SECOND;
    await request();
    expect([calls.adds, tally.isEmpty, waited]).toEqual([2, true, []]);
    expect((await object().read(nothing)).counts).toEqual({ 'logins{result="succeeded"}': [2] });
  });
});

describe("the history", () => {
  const HOUR = 3_600_000;
  const DAY = 24 * HOUR;
  const START = Date.UTC(2026, 0, 10, 12, 30);
  const logins = (count: number) => ({ counts: { 'logins{result="succeeded"}': [count] }, waiting: 0 });
  const since = (time: number, unit: "hour" | "day" = "hour") => object().history(nothing, time, unit);
  const numbers = (periods: Awaited<ReturnType<typeof since>>) =>
    periods.map(({ at, counts }) => [at - START, counts['logins{result="succeeded"}']?.[0]]);

  it("has a row for each hour in which something was counted, survives evictions, and adds up to days", async () => {
    vi.setSystemTime(START);
    await object().add(logins(1));
    await object().add(one);
    vi.setSystemTime(START + HOUR);
    await object().add(logins(2));
    expect(numbers(await since(START - HOUR))).toEqual([
      [-HOUR / 2, 1],
      [HOUR / 2, 2],
    ]);
    await abortAllDurableObjects();
    await object().add(logins(4));
    vi.setSystemTime(START + DAY);
    expect(numbers(await object().history(logins(8), START, "hour"))).toEqual([
      [HOUR / 2, 6],
      [DAY - HOUR / 2, 8],
    ]);
    expect(numbers(await since(START - DAY, "day"))).toEqual([
      [-12.5 * HOUR, 7],
      [11.5 * HOUR, 8],
    ]);
  });

  it("forgets an hour after 31 days", async () => {
    vi.setSystemTime(START);
    await object().add(logins(1));
    await since(0);
    vi.setSystemTime(START + 31 * DAY - HOUR);
    await object().add(logins(2));
    expect(numbers(await since(0))).toHaveLength(2);
    vi.setSystemTime(START + 31 * DAY);
    await object().add(logins(4));
    expect(numbers(await since(0)).map(([, count]) => count)).toEqual([2, 4]);
  });
});

describe("the Metrics object", () => {
  it("adds up what isolates hand over at the same time", async () => {
    await Promise.all(Array.from({ length: 50 }, () => object().add(one)));
    expect(await known()).toBe(50);
  });

  it("never goes back below what was scraped, even if it crashes", async () => {
    await object().add(one);
    expect(await known()).toBe(1);
    await abortAllDurableObjects();
    expect(await known()).toBe(1);
    await evictDurableObject(object());
    await object().add(one);
    expect(await known()).toBe(2);
  });

  it("loses by a crash only what was handed over in the five seconds before, and writes one row in that time", async () => {
    // Runs in the context of the object, because the object's timers belong to it.
    const rows = await runInDurableObject(object(), async (instance: Metrics, { storage }) => {
      const timers = heldTimers();
      const put = vi.spyOn(storage.kv, "put");
      timers.hold(() => {
        for (let isolates = 0; isolates < 20; isolates++) instance.add(one);
      });
      expect(timers.waiting).toEqual([5 * SECOND]);
      expect(put).not.toHaveBeenCalled();
      timers.end();
      await eventually(() => expect(put).toHaveBeenCalled());
      return put.mock.calls.length;
    });
    expect(rows).toBe(1);
    await object().add(one);
    await abortAllDurableObjects();
    expect(await known()).toBe(20);
  });

  it("starts a histogram again whose buckets another release had", async () => {
    const series = 'storage_hop_duration_seconds{target="d1"}';
    await object().add({ counts: { [series]: [1, 2, 3] }, waiting: 0 });
    const read = await object().read({ counts: { [series]: [0, 1, 0, 0.5] }, waiting: 0 });
    expect(read.counts[series]).toEqual([0, 1, 0, 0.5]);
  });

  it("shows the most passwords that waited in one isolate for a minute", async () => {
    await object().add({ counts: {}, waiting: 2 });
    await object().add({ counts: {}, waiting: 4 });
    expect((await object().read(nothing)).waiting).toBe(4);
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 61 * SECOND);
    expect((await object().read(nothing)).waiting).toBe(0);
  });
});
