import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { atOnce } from "../support/client.ts";

const RULE = { budget: 5, window: 50_000 };
const fresh = () => env.RATE_LIMITER.getByName(crypto.randomUUID());

describe("the RateLimiter object", () => {
  it("lets the budget through at once, then one per share of the window", async () => {
    const limiter = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    for (let left = 4; left >= 0; left--) {
      expect(await limiter.take(RULE)).toMatchObject({ allowed: true, remaining: left, retryAfter: 0 });
    }
    expect(await limiter.take(RULE)).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfter: 10_000,
      resetAfter: 50_000,
    });
    vi.setSystemTime(start + 10_000);
    expect(await limiter.take(RULE)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await limiter.take(RULE)).toMatchObject({ allowed: false });
    vi.setSystemTime(start + 120_000);
    expect(await limiter.take(RULE)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it.each(Object.entries(LIMIT_RULES))(
    "lets exactly the budget of %s through when far more come at once",
    async (_name, rule) => {
      vi.setSystemTime(Date.now());
      const limiter = fresh();
      const readings = await atOnce(rule.budget * 2, () => limiter.take(rule));
      expect(readings.filter(({ allowed }) => allowed)).toHaveLength(rule.budget);
    },
  );

  it("takes an attempt back, and never more than were taken", async () => {
    vi.setSystemTime(Date.now());
    const limiter = fresh();
    await limiter.take(RULE);
    await limiter.refund(RULE);
    await limiter.refund(RULE);
    const readings = await atOnce(6, () => limiter.take(RULE));
    expect(readings.filter(({ allowed }) => allowed)).toHaveLength(5);
  });

  it("takes nothing back on a key that it has forgotten", async () => {
    const limiter = fresh();
    await limiter.refund(RULE);
    const start = Date.now();
    vi.setSystemTime(start);
    await limiter.take(RULE);
    vi.setSystemTime(start + 11_000);
    await limiter.refund(RULE);
    expect(await limiter.take(RULE)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it("remembers after it was evicted", async () => {
    const limiter = fresh();
    for (let attempt = 0; attempt < 5; attempt++) await limiter.take(RULE);
    await evictDurableObject(limiter);
    expect(await limiter.take(RULE)).toMatchObject({ allowed: false });
  });

  it("cleans its storage up once the budget is whole, and not before", async () => {
    const limiter = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    await limiter.take(RULE);
    await limiter.take(RULE);
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
