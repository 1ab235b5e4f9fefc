import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createFollowUps } from "../src/accounts/follow-ups.ts";
import { parseConfig } from "../src/config/config.ts";
import { runCronTasks } from "../src/cron-tasks.ts";
import { createId, systemRandom } from "../src/platform/random.ts";
import { extend } from "../src/platform/records.ts";
import { createServices } from "../src/services.ts";
import { countingRows } from "./support/counted-rows.ts";
import { countRows } from "./support/database.ts";
import { eventually } from "./support/eventually.ts";
import { recordLogs } from "./support/logs.ts";
import { loggedIn, registered, rowOf } from "./support/people.ts";
import { carryOutLeft, coldIsolate } from "./support/services.ts";

const FAILING = async () => Promise.reject(new Error("no such table"));
const NO_ORIGIN = { ipAddress: null, userAgent: null, requestId: null };

describe("the cron job", () => {
  it("runs every other task if one fails, names the one that failed, and counts as failed itself", async () => {
    const services = coldIsolate();
    const person = await registered();
    await env.DB.prepare("INSERT INTO retired_usernames (digest, retired_until) VALUES ('over', 1)").run();
    const parts = extend(services, {
      followUps: { ...services.followUps, carryOutLeft: FAILING },
      keyring: { ...services.keyring, rotate: FAILING },
      registrations: { ...services.registrations, deleteStale: FAILING },
    });
    const logs = recordLogs();
    await expect(runCronTasks(parts)).rejects.toThrow(
      "rotate_signing_keys, carry_out_follow_ups, delete_registrations",
    );
    expect(await countRows("retired_usernames", "digest", "over")).toBe(0);
    expect(await rowOf(person.email)).not.toBeNull();
    const failed = logs().filter(({ event }) => event === "task_failed");
    expect(logs().find(({ event }) => event === "tasks_ran")).toMatchObject({ failed: 3 });
    expect(failed.map(({ task }) => task)).toEqual([
      "rotate_signing_keys",
      "carry_out_follow_ups",
      "delete_registrations",
    ]);
  });

  it("reads only the rows that it deletes, however many users and registrations there are", async () => {
    const now = Date.now();
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
    const name = "'cron-many-' || i";
    const columns = "(id, email, username, password_hash, created_at, updated_at, is_verified, verified_by_link)";
    await env.DB.prepare(
      `INSERT INTO users ${columns} ${numbers} SELECT ${name}, ${name} || '@example.com', ${name}, '!', 1, 1, 1, ${name} FROM n`,
    ).run();
    await env.DB.prepare(
      `INSERT INTO registrations (id, email, username, password_hash, created_at) ${numbers} SELECT ${name}, ${name} || '@waiting.example', ${name}, '!', ${now} FROM n`,
    ).run();
    // The first run does what other test files have left to do, so that this is not counted.
    await runCronTasks(coldIsolate());
    const { DB, count } = countingRows();
    await runCronTasks(createServices({ ...env, DB }, parseConfig(env)));
    expect(count.rowsRead).toBeLessThan(500);
    await env.DB.exec("DELETE FROM users WHERE id LIKE 'cron-many-%'");
    await env.DB.exec("DELETE FROM registrations WHERE id LIKE 'cron-many-%'");
  });

  it("deletes no more registrations with one statement than it is told", async () => {
    const { registrations } = coldIsolate();
    const values = "'stale-' || value, 'stale-' || value || '@example.com', 'stale-' || value, '!', 'en', 1";
    const columns = "id, email, username, password_hash, locale, created_at";
    await env.DB.prepare(
      `INSERT INTO registrations (${columns}) SELECT ${values} FROM json_each('[1, 2, 3, 4, 5]')`,
    ).run();
    const limits = { most: 3, now: Date.now() };
    expect(await registrations.deleteStale(1_000, limits)).toBe(true);
    expect(await countRows("registrations", "created_at", "1")).toBe(2);
    expect(await registrations.deleteStale(1_000, limits)).toBe(false);
    expect(await countRows("registrations", "created_at", "1")).toBe(0);
  });

  it("looks for unproved users without reading the many others whom no link has verified", async () => {
    const columns = "id, email, username, password_hash, is_verified, created_at, updated_at";
    const values = "'old-' || value, 'old-' || value || '@example.com', 'old-' || value, '!', value > 5, 2, 2";
    const numbers = JSON.stringify(Array.from({ length: 2_000 }, (_, index) => index + 1));
    await env.DB.prepare(`INSERT INTO users (${columns}) SELECT ${values} FROM json_each(?)`).bind(numbers).run();
    const { DB, count } = countingRows();
    const { registrations } = createServices({ ...env, DB }, parseConfig(env));
    expect(await registrations.deleteStale(1_000, { most: 3, now: Date.now() })).toBe(true);
    expect(count.rowsRead).toBeLessThan(200);
    expect(await countRows("users", "created_at", "2"), "three of the five unproved ones are deleted").toBe(1_997);
    const { results } = await env.DB.prepare("SELECT id FROM follow_ups WHERE id LIKE 'anonymise:old-%'").all();
    expect(results, "only the events of deleted users are anonymised").toEqual(
      ["old-1", "old-2", "old-3"].map((id) => ({ id: `anonymise:${id}` })),
    );
    await env.DB.exec("DELETE FROM users WHERE created_at = 2");
    await env.DB.exec("DELETE FROM follow_ups");
  });
});

describe("a follow-up", () => {
  it("that fails again is put off, longer each time, and is carried out in the end", async () => {
    const services = coldIsolate();
    const person = await loggedIn();
    const mail = { ...services.mail, enqueue: FAILING };
    const followUps = createFollowUps(extend(services, { mail }), NO_ORIGIN);
    const { id, ...request } = services.mail.requestOf({ kind: "password_changed", userId: person.userId });
    const content = JSON.stringify({ id, ...request });
    await env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'mail', ?, 0, 0)").bind(id, content).run();
    const row = () => env.DB.prepare("SELECT failures, due_at FROM follow_ups WHERE id = ?").bind(id).first();
    await followUps.carryOutLeft();
    const first = await row();
    expect(first).toMatchObject({ failures: 1 });
    expect(Number(first?.due_at)).toBeGreaterThan(Date.now());
    await env.DB.prepare("UPDATE follow_ups SET due_at = 0, failures = 50").run();
    await followUps.carryOutLeft();
    expect(Number((await row())?.due_at)).toBeLessThanOrEqual(Date.now() + 3_600_000);
    await carryOutLeft();
    expect(await row()).toBeNull();
  });

  it("that failed two hundred times is given up, but for the removal of personal data", async () => {
    const services = coldIsolate();
    const mail = { ...services.mail, enqueue: FAILING };
    const auditEvents = { ...services.auditEvents, anonymise: FAILING };
    const followUps = createFollowUps(extend(services, { auditEvents, mail }), NO_ORIGIN);
    const { id, ...request } = services.mail.requestOf({
      kind: "account_deleted",
      email: "a@gone.example",
      locale: "en",
    });
    const insert = env.DB.prepare("INSERT INTO follow_ups VALUES (?, ?, ?, 0, ?)");
    await insert.bind(id, "mail", JSON.stringify({ id, ...request }), 198).run();
    await insert.bind("anonymise:y", "anonymise", JSON.stringify({ userId: "y" }), 500).run();
    const logs = recordLogs();
    await followUps.carryOutLeft();
    expect(await countRows("follow_ups", "id", id), "tried 199 times").toBe(1);
    await env.DB.exec("UPDATE follow_ups SET due_at = 0");
    await followUps.carryOutLeft();
    expect(await countRows("follow_ups", "id", id)).toBe(0);
    expect(await countRows("follow_ups", "id", "anonymise:y")).toBe(1);
    const given = logs().filter(({ event }) => event === "follow_up_given_up");
    expect(given).toMatchObject([{ level: "error", follow_up: "mail", follow_up_id: id, attempts: 200 }]);
    expect(JSON.stringify(given)).not.toContain("gone.example");
    await env.DB.exec("DELETE FROM follow_ups");
  });

  it("of a kind that only a newer release knows counts as failed, so that it waits for that release and then ends", async () => {
    const { followUps } = coldIsolate();
    await env.DB.prepare("INSERT INTO follow_ups VALUES ('newer', 'telegram', '{}', 0, 0)").run();
    const logs = recordLogs();
    await followUps.carryOutLeft();
    expect(await countRows("follow_ups", "failures", "1")).toBe(1);
    expect(logs().find(({ event }) => event === "follow_up_failed")).toMatchObject({
      follow_up: "telegram",
      attempts: 1,
    });
    await env.DB.exec("DELETE FROM follow_ups");
  });

  it("is carried out once, even if two runs of the cron job overlap", async () => {
    const services = coldIsolate();
    const queued: string[] = [];
    const mail = { ...services.mail, enqueue: async ({ id }: { id: string }) => void queued.push(id) };
    const followUps = createFollowUps(extend(services, { mail }), NO_ORIGIN);
    const request = services.mail.requestOf({ kind: "password_changed", userId: crypto.randomUUID() });
    const insert = env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'mail', ?, 0, 0)");
    await insert.bind(request.id, JSON.stringify(request)).run();
    await Promise.all([followUps.carryOutLeft(), followUps.carryOutLeft()]);
    expect(queued).toEqual([request.id]);
    expect(await countRows("follow_ups", "id", request.id)).toBe(0);
  });

  it("is carried out by the next runs if the isolate of a run is lost", async () => {
    const services = coldIsolate();
    const person = await loggedIn();
    const mail = { ...services.mail, enqueue: () => new Promise<void>(() => {}) };
    const request = services.mail.requestOf({ kind: "password_changed", userId: person.userId });
    const insert = env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'mail', ?, 0, 0)");
    await insert.bind(request.id, JSON.stringify(request)).run();
    void createFollowUps(extend(services, { mail }), NO_ORIGIN).carryOutLeft();
    await eventually(async () => expect(await countRows("follow_ups", "due_at", "0")).toBe(0));
    expect(await countRows("follow_ups", "id", request.id)).toBe(1);
    await carryOutLeft();
    expect(await countRows("follow_ups", "id", request.id)).toBe(0);
  });

  it("does not wait until the events of many deleted users are anonymised", async () => {
    const services = coldIsolate();
    const queued: string[] = [];
    const mail = { ...services.mail, enqueue: async ({ id }: { id: string }) => void queued.push(id) };
    const auditEvents = { ...services.auditEvents, anonymise: async () => "00000000-more-events-are-left" };
    const followUps = createFollowUps(extend(services, { auditEvents, mail }), NO_ORIGIN);
    const content = "json_object('userId', 'user-' || value)";
    const numbers = JSON.stringify(Array.from({ length: 60 }, (_, index) => index));
    await env.DB.prepare(
      `INSERT INTO follow_ups SELECT 'endless:' || value, 'anonymise', ${content}, 0, 0 FROM json_each(?)`,
    )
      .bind(numbers)
      .run();
    const request = services.mail.requestOf({ kind: "password_changed", userId: crypto.randomUUID() });
    const insert = env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'mail', ?, 1, 0)");
    await insert.bind(request.id, JSON.stringify(request)).run();
    await followUps.carryOutLeft();
    expect(queued).toEqual([request.id]);
    await env.DB.exec("DELETE FROM follow_ups WHERE id LIKE 'endless:%'");
  });

  it("that anonymises the events of a deleted user continues where it stopped", async () => {
    const services = coldIsolate();
    const [userId, operatorId] = [createId(Date.now(), systemRandom), createId(Date.now(), systemRandom)];
    const insert = "INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id, ip_address, user_agent)";
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2100)";
    const own = `${numbers} SELECT printf('%08d-own', i), 'login_succeeded', i, ?1, ?1, '192.0.2.9', 'Browser' FROM n`;
    const guesses = `SELECT '00000007-guess', 'login_failed', 7, NULL, ?1, '192.0.2.9', 'Browser'`;
    const deed = `SELECT '00000008-deed', 'role_changed', 8, ?2, ?1, '192.0.2.9', 'Browser'`;
    for (const rows of [own, guesses]) await env.DB.prepare(`${insert} ${rows}`).bind(userId).run();
    await env.DB.prepare(`${insert} ${deed}`).bind(userId, operatorId).run();
    const remaining = "SELECT count(*) AS n FROM audit_events WHERE user_id = ? AND ip_address IS NOT NULL";
    const left = async () => (await env.DB.prepare(remaining).bind(userId).first<{ n: number }>())?.n;

    const { events: shown } = await services.auditEvents.list({ userId }, { limit: 50 });
    expect(shown.every(({ ipAddress, userAgent }) => ipAddress === null && userAgent === null)).toBe(true);
    const first = await services.auditEvents.anonymise(userId, "", 1_000);
    expect(await left()).toBe(1_103);
    expect(await services.auditEvents.anonymise(userId, first ?? "", 1_000)).toBeDefined();
    expect(await left()).toBe(103);

    const content = JSON.stringify({ userId });
    await env.DB.prepare("INSERT INTO follow_ups VALUES ('anonymise:x', 'anonymise', ?, 0, 0)").bind(content).run();
    await carryOutLeft();
    expect(await left(), "the operator's own address stays").toBe(1);
    expect(await countRows("follow_ups", "id", "anonymise:x")).toBe(0);
  });

  it("reads no more events of a deleted user than one step anonymises", async () => {
    const userId = createId(Date.now(), systemRandom);
    const insert = "INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id, ip_address)";
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
    const own = `${numbers} SELECT printf('%08d-many', i), 'login_succeeded', i, ?1, ?1, '192.0.2.9' FROM n`;
    await env.DB.prepare(`${insert} ${own}`).bind(userId).run();
    const { DB, count } = countingRows();
    const { auditEvents } = createServices({ ...env, DB }, parseConfig(env));
    expect(await auditEvents.anonymise(userId, "", 50)).toBe("00000050-many");
    expect(count.rowsRead).toBeLessThan(1_000);
  });
});
