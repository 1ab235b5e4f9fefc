/** The queue of audit events, the cron job and the alarm of a user's sessions, while each of their calls goes wrong. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { AuditEvent } from "../../src/audit/event-types.ts";
import { parseConfig } from "../../src/config/config.ts";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { createServices } from "../../src/services.ts";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import type { UserSessions } from "../../src/sessions/user-sessions-object.ts";
import { settle } from "../support/archive.ts";
import { event } from "../support/events.ts";
import { Calls, moveClock, type Plan } from "../support/faults.ts";
import { visitor } from "./cast.ts";
import { atEachCall, deliver, deliverInTheEnd } from "./consuming.ts";
import { cronWork } from "./cron-work.ts";
import { KINDS, Table } from "./table.ts";

const tried = new Table("calls without a request");
afterAll(() => tried.print());

const config = parseConfig(env);

/**
 * In the usual suite, only every fourth call of the cron job goes wrong: a run makes many calls, most of them similar.
 */
const CRON_EVERY = 4;

describe("the queue of audit events", () => {
  const recorded = async ({ id }: AuditEvent) =>
    env.DB.prepare("SELECT count(*) AS `count` FROM audit_events WHERE id = ?").bind(id).first("count");

  it("records an event once, whichever call fails, and a batch that fails is tried again", () =>
    atEachCall(tried, "the queue of audit events", async (plan) => {
      const one = event();
      const calls = new Calls(plan);
      await deliverInTheEnd("postern-audit", one, calls);
      expect(await recorded(one)).toBe(1);
      return calls;
    }));

  it("records an event once although its message arrives twice, and late", async () => {
    const [first, second] = [event(), event()];
    expect(await deliver("postern-audit", [second, first, second], 1)).toBe(true);
    expect(await deliver("postern-audit", [first], 2)).toBe(true);
    expect([await recorded(first), await recorded(second)]).toEqual([1, 1]);
  });
});

describe("the cron job", () => {
  const run = (calls: Calls) => calls.wait(runCronTasks(createServices(calls.bindings, config)));
  const given = { ...env, AUDIT_DB: env.TEST_AUDIT_DB };

  /** Runs the cron job twice: the second run moves the events that the first copied. Returns the queued messages. */
  async function runLater(): Promise<Calls["queued"]> {
    const later = new Calls(undefined, given);
    for (let time = 0; time < 2; time++) {
      await env.DB.prepare("UPDATE follow_ups SET due_at = 0").run();
      await settle();
      await run(later);
    }
    return later.queued;
  }

  it("does all of its work once, whichever call fails, in this run or a later one", async () => {
    const work = async (plan?: Plan) => {
      const { expectDone, isQueued } = await cronWork();
      const all = new Calls(plan, given);
      // If a task fails, the run ends with an error, after the other tasks.
      await run(all).catch((error: Error) => expect(error.message).toContain("Tasks of the cron job failed"));
      const queued = [...all.queued, ...(await runLater())];
      await expectDone();
      expect(queued.some(isQueued), "the email is queued").toBe(true);
      return all;
    };
    // First carry out work that other tests have left, so that every later run makes the same calls.
    await runLater();
    await work();
    await atEachCall(tried, "the cron job", work, { every: CRON_EVERY });
  });
});

// Without lost objects: `test/sessions/revocations.test.ts` shows that the alarm of a lost object fires again.
const BESIDE_LOSS = KINDS.filter((fault) => fault !== "lost");

describe("the alarm of a user's sessions", () => {
  const since = async (userId: string) =>
    env.DB.prepare("SELECT second_factor_since FROM users WHERE id = ?").bind(userId).first("second_factor_since");

  it("tells D1 of a second factor, whichever call fails, now or when it fires again", () =>
    atEachCall(
      tried,
      "the alarm of a user's second factor",
      async (plan) => {
        const { userId } = await visitor();
        const calls = new Calls(plan);
        const object = env.USER_SESSIONS.getByName(userId);
        const swap = (bindings: object) =>
          runInDurableObject(object, (instance) => void Reflect.set(instance, "env", bindings));
        const noted = Date.now();
        // The state of an object whose factors have changed, before D1 has accepted this change.
        await runInDurableObject(object, async (_, { storage }) => {
          storage.kv.put("second_factor_flag", { userId, since: noted, failures: 0 });
          await storage.setAlarm(Date.now() + 3_600_000);
        });
        await swap(calls.bindings);
        await runDurableObjectAlarm(object);
        const nextAt = await runInDurableObject(object, (_, { storage }) => storage.getAlarm());
        const isLeft = plan?.fault === "before" || plan?.fault === "after";
        if (isLeft) expect(nextAt, "it fires again soon").toBeLessThan(Date.now() + 60_000);
        if (plan?.fault === "evicted") await evictDurableObject(object);
        await swap(env);
        await runInDurableObject(object, (instance: UserSessions) => instance.alarm());
        expect(await since(userId)).toBe(noted);
        const left = await runInDurableObject(object, (_, { storage }) => storage.kv.get("second_factor_flag"));
        expect(left).toBeUndefined();
        return calls;
      },
      { kinds: BESIDE_LOSS },
    ));

  it("copies a revocation to KV and reports a reuse, whichever call fails, now or when it fires again", () =>
    atEachCall(
      tried,
      "the alarm of a user's sessions",
      async (plan) => {
        const { sessionId, userId } = await visitor();
        const calls = new Calls(plan);
        const object = env.USER_SESSIONS.getByName(userId);
        const swap = (bindings: object) =>
          runInDurableObject(object, (instance) => void Reflect.set(instance, "env", bindings));
        // The clock is an hour ahead, so that only this test fires the alarm, and not the platform.
        moveClock(3_600_000);
        const origin = { ipAddress: "192.0.2.1", userAgent: null, requestId: null };
        const { sessions } = createServices(env, config, origin);
        for (const generation of [1, 2, 1]) await sessions.rotate(userId, { sessionId, generation });
        vi.restoreAllMocks();
        await swap(calls.bindings);
        await runDurableObjectAlarm(object);
        const nextAt = await runInDurableObject(object, (_, { storage }) => storage.getAlarm());
        const isLeft = plan?.fault === "before" || plan?.fault === "after";
        if (isLeft) expect(nextAt, "it fires again soon").toBeLessThan(Date.now() + 60_000);
        if (plan?.fault === "evicted") await evictDurableObject(object);
        const later = new Calls();
        await swap(later.bindings);
        // The platform would fire the alarm again.
        await runInDurableObject(object, (instance: UserSessions) => instance.alarm());
        const record = await env.REVOCATIONS.get<{ sessions: object }>(revocationKey(userId), "json");
        expect(Object.keys(record?.sessions ?? {})).toEqual([sessionId]);
        const queued = [...calls.queued, ...later.queued];
        const [events, notices] = ["AUDIT_QUEUE", "MAIL_QUEUE"].map((name) =>
          queued.filter(({ queue }) => queue === name).map(({ body }) => body as AuditEvent),
        );
        expect(events).toContainEqual(expect.objectContaining({ type: "refresh_token_reused", userId, ...origin }));
        expect(new Set([...(events ?? []), ...(notices ?? [])].map(({ id }) => id)).size, "reports").toBe(2);
        return calls;
      },
      { kinds: BESIDE_LOSS },
    ));
});
