import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LEASE, LIMIT_RULES, type LimitRule } from "../../src/config/limit-rules.ts";
import type { LimitReading } from "../../src/limits/gcra.ts";
import { atOnce } from "../support/client.ts";

const RULE = { budget: 5, window: 50_000 };
const fresh = () => env.RATE_LIMITER.getByName(crypto.randomUUID());

type Limiter = ReturnType<typeof fresh>;

const budgetOf = (rule: LimitRule) => ({ entry: "theoretical_arrival", rule });

/** Takes an attempt from one budget. */
async function take(limiter: Limiter, rule = RULE): Promise<LimitReading | undefined> {
  const [reading] = await limiter.take([budgetOf(rule)]);
  return reading;
}
const refund = (limiter: Limiter) => limiter.refund([budgetOf(RULE)]);

describe("the RateLimiter object", () => {
  it("lets the budget through at once, then one per share of the window", async () => {
    const limiter = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    for (let left = 4; left >= 0; left--) {
      expect(await take(limiter)).toMatchObject({ allowed: true, remaining: left, retryAfter: 0 });
    }
    expect(await take(limiter)).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfter: 10_000,
      resetAfter: 50_000,
    });
    vi.setSystemTime(start + 10_000);
    expect(await take(limiter)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await take(limiter)).toMatchObject({ allowed: false });
    vi.setSystemTime(start + 120_000);
    expect(await take(limiter)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it.each(Object.entries(LIMIT_RULES))(
    "lets exactly the budget of %s through when far more come at once",
    async (_name, rule) => {
      vi.setSystemTime(Date.now());
      const limiter = fresh();
      const readings = await atOnce(rule.budget * 2, () => take(limiter, rule));
      expect(readings.filter((reading) => reading?.allowed)).toHaveLength(rule.budget);
    },
  );

  it("takes an attempt back, and never more than were taken", async () => {
    vi.setSystemTime(Date.now());
    const limiter = fresh();
    await take(limiter);
    await refund(limiter);
    await refund(limiter);
    const readings = await atOnce(6, () => take(limiter));
    expect(readings.filter((reading) => reading?.allowed)).toHaveLength(5);
  });

  it("takes nothing back on a key that it has forgotten", async () => {
    const limiter = fresh();
    await refund(limiter);
    const start = Date.now();
    vi.setSystemTime(start);
    await take(limiter);
    vi.setSystemTime(start + 11_000);
    await refund(limiter);
    expect(await take(limiter)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it("remembers after it was evicted", async () => {
    const limiter = fresh();
    for (let attempt = 0; attempt < 5; attempt++) await take(limiter);
    await evictDurableObject(limiter);
    expect(await take(limiter)).toMatchObject({ allowed: false });
  });

  it("cleans its storage up once the budget is whole, and not before", async () => {
    const limiter = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    await take(limiter);
    await take(limiter);
    const kept = () =>
      runInDurableObject(limiter, async (_, state) => ({
        entries: [...state.storage.kv.list()].length,
        alarm: await state.storage.getAlarm(),
      }));
    await runDurableObjectAlarm(limiter);
    expect(await kept()).toEqual({ entries: 1, alarm: start + 20_000 });
    vi.setSystemTime(start + 20_001);
    await runDurableObjectAlarm(limiter);
    expect(await kept()).toEqual({ entries: 0, alarm: null });
  });
});

describe("a lease of the RateLimiter object", () => {
  const BUDGETS = [budgetOf(RULE)];
  const OWN = { entry: "own", rule: { budget: 1, window: 50_000 } };

  it("counts from the start, however many attempts come at once", async () => {
    vi.setSystemTime(Date.now());
    const limiter = fresh();
    const leases = await atOnce(12, () => limiter.lease(BUDGETS));
    expect(leases.filter(({ readings: [reading] }) => reading?.allowed)).toHaveLength(5);
    const remaining = leases.map(({ readings: [reading] }) => reading?.remaining ?? -1);
    expect(remaining.toSorted()).toEqual([...Array(8).fill(0), 1, 2, 3, 4]);
  });

  it("writes nothing and counts no more once it has ended", async () => {
    const limiter = fresh();
    for (let attempt = 0; attempt < 12; attempt++) {
      const { readings, endsAt } = await limiter.lease(BUDGETS);
      expect(readings).toMatchObject([{ allowed: true, remaining: 4 }]);
      await limiter.release(BUDGETS, endsAt);
    }
    const kept = await runInDurableObject(limiter, async (_, state) => [
      [...state.storage.kv.list()].length,
      await state.storage.getAlarm(),
    ]);
    expect(kept).toEqual([0, null]);
  });

  it("ends by itself if its Worker was lost, and not before", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    const limiter = fresh();
    for (let attempt = 0; attempt < 5; attempt++) await limiter.lease(BUDGETS);
    vi.setSystemTime(start + LEASE - 1);
    expect(await limiter.lease(BUDGETS)).toMatchObject({ readings: [{ allowed: false }] });
    vi.setSystemTime(start + LEASE);
    expect(await limiter.lease(BUDGETS)).toMatchObject({ readings: [{ allowed: true, remaining: 4 }] });
  });

  it("that is lost by an eviction still counts if it is reported", async () => {
    vi.setSystemTime(Date.now());
    const limiter = fresh();
    const leases = await atOnce(5, () => limiter.lease(BUDGETS));
    await evictDurableObject(limiter);
    // The evicted object has forgotten the leases, so it allows one more full budget.
    const more = await atOnce(12, () => limiter.lease(BUDGETS));
    expect(more.filter(({ readings: [reading] }) => reading?.allowed)).toHaveLength(5);
    for (const { endsAt } of leases) await limiter.count(BUDGETS, endsAt);
    await evictDurableObject(limiter);
    expect(await limiter.lease(BUDGETS)).toMatchObject({ readings: [{ allowed: false }] });
  });

  it("is refused by each of its budgets, and then takes none of them", async () => {
    vi.setSystemTime(Date.now());
    const limiter = fresh();
    const together = [OWN, ...BUDGETS];
    expect(await limiter.lease(together)).toMatchObject({ readings: [{ allowed: true }, { remaining: 4 }] });
    expect(await limiter.lease(together)).toMatchObject({ readings: [{ allowed: false }, { remaining: 3 }] });
    expect(await limiter.lease(BUDGETS)).toMatchObject({ readings: [{ remaining: 3 }] });
  });
});

describe("the budgets that a RateLimiter object stores together", () => {
  const LONG = { entry: "long", rule: { budget: 1, window: 90_000 } };
  const SHORT = { entry: "short", rule: { budget: 1, window: 10_000 } };

  it("are each deleted once they are full", async () => {
    const limiter = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    await limiter.take([SHORT, LONG]);
    const entries = () =>
      runInDurableObject(limiter, async (_, state) => [...state.storage.kv.list()].map(([entry]) => entry));
    vi.setSystemTime(start + 20_000);
    await runDurableObjectAlarm(limiter);
    expect(await entries()).toEqual(["long"]);
    vi.setSystemTime(start + 90_000);
    await runDurableObjectAlarm(limiter);
    expect(await entries()).toEqual([]);
  });
});
