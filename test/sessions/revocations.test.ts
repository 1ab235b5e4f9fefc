import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { pause, STORE_PATIENCE } from "../../src/platform/clock.ts";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import type { UserSessions } from "../../src/sessions/user-sessions-object.ts";
import { readMe, refresh } from "../support/account.ts";
import { expectProblem, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { type LogLine, recordLogs } from "../support/logs.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, registered } from "../support/people.ts";

const objectOf = ({ userId }: LoggedIn) => env.USER_SESSIONS.getByName(userId);
const logOut = ({ accessToken }: LoggedIn, all = false) =>
  post("/api/v1/auth/logout", { all }, { bearer: accessToken });

/** Uses the first refresh token again after the third was issued. */
async function reuse({ refreshToken }: LoggedIn) {
  const { json } = await refresh(refreshToken);
  await refresh(json.refresh_token);
  expectProblem(await refresh(refreshToken), 401, "refresh_token_reused");
}

async function recordOf({ userId }: LoggedIn) {
  return env.REVOCATIONS.get<{ sessions: Record<string, number> }>(revocationKey(userId), "json");
}

/** Makes KV refuse the writes of this object, as during an outage or after more than one write per second. */
async function breakKv(person: LoggedIn): Promise<void> {
  await runInDurableObject(objectOf(person), (instance: UserSessions) => {
    Reflect.set(instance, "env", {
      REVOCATIONS: {
        put: async () => {
          throw new Error("KV PUT failed: 429 Too Many Requests");
        },
      },
    });
  });
}

/** The lines about the writes to KV that failed for this user. */
const failuresOf = (person: LoggedIn, lines: readonly LogLine[]) =>
  lines.filter((line) => line.event === "revocation_not_copied" && line.user_id === person.userId);

describe("the revocation record in KV", () => {
  it("names an ended session until no access token of it can be alive [SE-7]", async () => {
    const person = await loggedIn();
    const before = Math.floor(Date.now() / 1000);
    await logOut(person);
    const record = await eventually(async () => {
      const found = await recordOf(person);
      expect(found).not.toBeNull();
      return found;
    });
    expect(Object.keys(record?.sessions ?? {})).toEqual([person.sessionId]);
    const until = record?.sessions[person.sessionId] ?? 0;
    expect(until).toBeGreaterThanOrEqual(before + 1_800);
    expect(until).toBeLessThanOrEqual(before + 1_800 + 120);
    const { keys } = await env.REVOCATIONS.list({ prefix: revocationKey(person.userId) });
    expect(keys[0]?.expiration, "and then disappears by itself").toBeGreaterThanOrEqual(until - 1);
    expect(keys[0]?.expiration).toBeLessThanOrEqual(until + 2);
  });

  it("names every session that ends, those of a log-out everywhere too", async () => {
    const person = await registered();
    const [first, second, third] = [await logIn(person), await logIn(person), await logIn(person)];
    await logOut(first);
    await logOut(second, true);
    await eventually(async () => {
      const ids = Object.keys((await recordOf(third))?.sessions ?? {}).sort();
      expect(ids).toEqual([first, second, third].map(({ sessionId }) => sessionId).sort());
    });
  });

  it("names a session that ended because its token was reused", async () => {
    const person = await loggedIn();
    await refresh(person.refreshToken);
    vi.setSystemTime(Date.now() + 31_000);
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
    vi.useRealTimers();
    await runDurableObjectAlarm(objectOf(person));
    expect(Object.keys((await recordOf(person))?.sessions ?? {})).toEqual([person.sessionId]);
  });

  it("gets there though KV fails for a while, and though the object is evicted meanwhile", async () => {
    const person = await loggedIn();
    await breakKv(person);
    const logs = recordLogs();
    expect((await logOut(person)).status, "nobody waits for KV").toBe(204);
    expectProblem(await readMe(person.accessToken), 401, "invalid_access_token");
    const failures = () => failuresOf(person, logs());
    await eventually(() => expect(failures()).not.toEqual([]));
    expect(await recordOf(person)).toBeNull();
    await runDurableObjectAlarm(objectOf(person));
    await eventually(() => expect(failures().slice(0, 2)).toMatchObject([{ attempts: 1 }, { attempts: 2 }]));

    await evictDurableObject(objectOf(person));
    await eventually(async () => expect(await recordOf(person)).not.toBeNull());
  });

  it("gets there though the object dies while KV answers", async () => {
    const person = await loggedIn();
    await runInDurableObject(objectOf(person), (instance: UserSessions) => {
      Reflect.set(instance, "env", { REVOCATIONS: { put: () => new Promise(() => {}) } });
    });
    await logOut(person);
    await pause(200);
    await abortAllDurableObjects();
    await eventually(async () => expect(await recordOf(person)).not.toBeNull());
  });

  it("names a session too that ends while KV takes the one before", async () => {
    const person = await registered();
    const [first, second] = [await logIn(person), await logIn(person)];
    await runInDurableObject(objectOf(first), (instance: UserSessions) => {
      Reflect.set(instance, "env", {
        REVOCATIONS: {
          put: async (...parts: Parameters<KVNamespace["put"]>) => {
            await pause(300);
            await env.REVOCATIONS.put(...parts);
          },
        },
      });
    });
    await logOut(first);
    await pause(100);
    await logOut(second);
    await eventually(async () => expect(Object.keys((await recordOf(first))?.sessions ?? {})).toHaveLength(2));
  });

  it("waits until KV accepts another write, although a reused token is reported at once", async () => {
    const person = await loggedIn();
    const object = objectOf(person);
    const [sent, written]: unknown[][] = [[], []];
    const queue = { sendBatch: async (messages: unknown[]) => void sent?.push(...messages) };
    const REVOCATIONS = { put: async (key: unknown) => void written?.push(key) };
    // In the future, so that the wait lasts for the whole test.
    const copiedAt = Date.now() + 60_000;
    await runInDurableObject(object, (instance: UserSessions, { storage }) => {
      Reflect.set(instance, "env", { REVOCATIONS, AUDIT_QUEUE: queue, MAIL_QUEUE: queue });
      storage.kv.put("copied_at", copiedAt);
    });
    await reuse(person);
    await eventually(() => expect(sent).toHaveLength(2));
    expect(written).toEqual([]);
    const alarm = await runInDurableObject(object, async (_, { storage }) => {
      storage.kv.put("copied_at", 0);
      return storage.getAlarm();
    });
    expect(alarm).toBe(copiedAt + 1_000);
    await runDurableObjectAlarm(object);
    expect(written).toEqual([revocationKey(person.userId)]);
  });

  it.each(["AUDIT_QUEUE", "MAIL_QUEUE"])("reports nothing twice while %s alone fails", async (broken) => {
    const person = await loggedIn();
    const sent: Record<string, unknown[]> = { AUDIT_QUEUE: [], MAIL_QUEUE: [] };
    let isBroken = true;
    const queueOf = (name: string) => ({
      async sendBatch(messages: { body: unknown }[]) {
        if (isBroken && name === broken) throw new Error("The queue is down.");
        sent[name]?.push(...messages.map(({ body }) => body));
      },
    });
    await runInDurableObject(objectOf(person), (instance: UserSessions) => {
      const queues = { AUDIT_QUEUE: queueOf("AUDIT_QUEUE"), MAIL_QUEUE: queueOf("MAIL_QUEUE") };
      Reflect.set(instance, "env", { REVOCATIONS: env.REVOCATIONS, ...queues });
    });
    await reuse(person);
    for (let attempt = 0; attempt < 3; attempt += 1) await runDurableObjectAlarm(objectOf(person));
    const counts = () => Object.fromEntries(Object.entries(sent).map(([name, { length }]) => [name, length]));
    expect(counts()).toEqual({ AUDIT_QUEUE: 1, MAIL_QUEUE: 1, [broken]: 0 });
    isBroken = false;
    for (let attempt = 0; attempt < 2; attempt += 1) await runDurableObjectAlarm(objectOf(person));
    expect(counts()).toEqual({ AUDIT_QUEUE: 1, MAIL_QUEUE: 1 });
  });

  it("does not wait for a queue that hangs", async () => {
    const person = await registered();
    const [first, second] = [await logIn(person), await logIn(person)];
    await runInDurableObject(objectOf(first), (instance: UserSessions) => {
      const hanging = { sendBatch: () => new Promise(() => {}) };
      Reflect.set(instance, "env", { REVOCATIONS: env.REVOCATIONS, AUDIT_QUEUE: hanging, MAIL_QUEUE: hanging });
    });
    const logs = recordLogs();
    const setTimer = globalThis.setTimeout;
    // The timeout expires at once.
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, after = 0) =>
      setTimer(run, after === STORE_PATIENCE ? 0 : after)) as typeof setTimeout);
    await reuse(first);
    await eventually(() => expect(logs().some(({ event }) => event === "change_not_reported")).toBe(true));
    await logOut(second);
    await eventually(async () => expect(Object.keys((await recordOf(first))?.sessions ?? {})).toHaveLength(2));
    // After the eviction, the object has the real queues again. Then nothing is left to report.
    await evictDurableObject(objectOf(first));
    await runDurableObjectAlarm(objectOf(first));
    expect(await eventsOf(first.userId, "refresh_token_reused")).toHaveLength(1);
  });

  it("waits longer after each failure, and not at all after a success", async () => {
    const person = await loggedIn();
    await breakKv(person);
    const logs = recordLogs();
    await logOut(person);
    // The alarm is set only after the first attempt has failed.
    await eventually(() => expect(failuresOf(person, logs())).not.toEqual([]));
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      await runDurableObjectAlarm(objectOf(person));
      const alarm = await runInDurableObject(objectOf(person), (_, state) => state.storage.getAlarm());
      waits.push(Math.round(((alarm ?? 0) - Date.now()) / 1000));
    }
    const [least = 0, ...rest] = waits;
    expect(least).toBeGreaterThanOrEqual(1);
    for (const [index, wait] of rest.entries()) expect(wait).toBeGreaterThanOrEqual(waits[index] ?? 0);
    expect(waits.at(-1)).toBe(300);
    // After the eviction, the next try uses the real KV, and does not disturb other tests.
    await evictDurableObject(objectOf(person));
  });

  it("leaves nothing behind in the object when all has lapsed", async () => {
    const person = await loggedIn();
    await logOut(person);
    await eventually(async () => expect(await recordOf(person)).not.toBeNull());
    const object = objectOf(person);
    await eventually(async () => {
      const armed = await runInDurableObject(object, (_, state) => state.storage.getAlarm());
      expect(armed, "comes back when the record has lapsed").toBeGreaterThan(Date.now() + 1_800_000);
    });
    vi.setSystemTime(Date.now() + 1_900_000);
    await runDurableObjectAlarm(object);
    expect(await object.devices(), "what the user logs in from is known for a year").toHaveLength(1);
    vi.setSystemTime(Date.now() + 365 * 86_400_000);
    await runDurableObjectAlarm(object);
    const left = await runInDurableObject(object, async (_, state) => ({
      tables: state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name IN ('sessions', 'revoked', 'devices')")
        .toArray(),
      kept: [...state.storage.kv.list()],
      alarm: await state.storage.getAlarm(),
    }));
    expect(left).toEqual({ tables: [], kept: [], alarm: null });
    await logIn(person);
  });

  it("is not written where sessions merely expired, and the object forgets them", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 31 * 86_400_000);
    await runDurableObjectAlarm(objectOf(person));
    expect(await objectOf(person).list()).toEqual([]);
    expect(await recordOf(person)).toBeNull();
  });
});
