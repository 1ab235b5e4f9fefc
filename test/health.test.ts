import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../src/cron-tasks.ts";
import { MIGRATIONS } from "../src/db/migrations.ts";
import { createId, systemRandom } from "../src/platform/random.ts";
import { VERSION } from "../src/version.ts";
import { appWith, get } from "./support/client.ts";
import { eventually } from "./support/eventually.ts";
import { heldTimers } from "./support/held-timers.ts";
import { recordLogs } from "./support/logs.ts";
import { coldIsolate } from "./support/services.ts";

const FINE = { database: "ok", sessions: "ok", kv: "ok", migrations: "ok", emails: "ok", cron: "ok" };
const MINUTE = 60_000;

/** Asks a new isolate, which has no earlier answer in memory. */
const ready = () => get("/health/ready", {}, appWith({}));

describe("GET /health", () => {
  it("says that the Worker runs without asking any storage, so that a load balancer can ask often", async () => {
    vi.spyOn(env.DB, "prepare").mockImplementation(fail);
    const logs = recordLogs();
    const answer = await get("/health", {}, appWith({}));
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: "ok", version: VERSION });
    expect(logs()).toMatchObject([{ event: "request", storage_calls: 0 }]);
  });
});

describe("GET /health/ready", () => {
  const forgetFollowUps = () => env.DB.exec("DELETE FROM follow_ups");
  beforeAll(forgetFollowUps);
  afterEach(forgetFollowUps);

  it("is ok where everything answers, and asks all of it at once", async () => {
    const logs = recordLogs();
    const answer = await ready();
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      status: "ok",
      version: VERSION,
      checks: FINE,
      pending_migrations: [],
      oldest_unsent_email_seconds: { database: null, queue: null },
    });
    expect(logs()).toMatchObject([{ event: "request", hops: 1 }]);
  });

  it.each([
    ["sessions", () => vi.spyOn(env.USER_SESSIONS, "getByName").mockImplementation(fail), FINE],
    ["kv", () => vi.spyOn(env.REVOCATIONS, "get").mockImplementation(fail), FINE],
    [
      "database",
      () => vi.spyOn(env.DB, "prepare").mockReturnValue(env.DB.prepare("SELECT * FROM a_table_that_is_away")),
      { ...FINE, migrations: "failed", emails: "failed", cron: "failed" },
    ],
  ])("is 503 and says so where the %s check fails", async (part, breakIt, others) => {
    breakIt();
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ status: "failed", checks: { ...others, [part]: "failed" } });
    expect(answer.headers.get("Retry-After")).toBe("5");
  });

  it("is 503 if a store never answers, once it has waited for it", async () => {
    vi.spyOn(env.REVOCATIONS, "get").mockImplementation(() => new Promise<never>(() => {}));
    const timers = heldTimers();
    const asked = timers.hold(ready);
    await eventually(() => expect(timers.waiting).toEqual([5_000]));
    timers.end();
    const answer = await asked;
    expect(answer.json).toMatchObject({ status: "failed", checks: { ...FINE, kv: "failed" } });
  });

  it("is 503 and names the migrations that are pending, also where none was ever applied", async () => {
    const newest = MIGRATIONS.at(-1);
    await env.DB.prepare("DELETE FROM d1_migrations WHERE name = ?").bind(newest).run();
    const answer = await ready();
    await env.DB.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(newest).run();
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({
      status: "failed",
      checks: { ...FINE, migrations: "failed" },
      pending_migrations: [newest],
    });

    await env.DB.exec("ALTER TABLE d1_migrations RENAME TO away");
    const empty = await ready();
    await env.DB.exec("ALTER TABLE away RENAME TO d1_migrations");
    expect(empty.json).toMatchObject({ checks: { migrations: "failed", database: "ok" }, pending_migrations: null });
  });

  it("is ok on the schema of a newer release", async () => {
    await env.DB.exec("INSERT INTO d1_migrations (name) VALUES ('9999_of-a-newer-release.sql')");
    const answer = await ready();
    await env.DB.exec("DELETE FROM d1_migrations WHERE name LIKE '9999%'");
    expect(answer.json).toMatchObject({ status: "ok", pending_migrations: [] });
  });

  it("tells how long the oldest email has waited to be queued, and from when on that is late", async () => {
    await leaveEmail(5 * MINUTE);
    const waiting = await ready();
    expect(waiting.json.checks).toEqual(FINE);
    expect(waiting.json.oldest_unsent_email_seconds.database).toBeGreaterThanOrEqual(300);
    await leaveEmail(16 * MINUTE);
    const late = await ready();
    expect(late.status, "requests are still served").toBe(200);
    expect(late.json).toMatchObject({ status: "ok", checks: { ...FINE, emails: "late" } });
  });

  it("says that the cron job is late while it leaves work undone, until it runs", async () => {
    const due = Date.now() - 11 * MINUTE;
    await env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'anonymise', ?, ?, 0)")
      .bind("anonymise:x", JSON.stringify({ userId: "x" }), due)
      .run();
    expect((await ready()).json).toMatchObject({ status: "ok", checks: { ...FINE, cron: "late" } });
    await runCronTasks(coldIsolate());
    expect((await ready()).json.checks).toEqual(FINE);
  });

  it("tells how long the oldest email has waited in the queue, where the platform tells", async () => {
    const since = new Date(Date.now() - 2 * MINUTE);
    const metrics = vi.spyOn(env.MAIL_QUEUE, "metrics");
    metrics.mockResolvedValue({ backlogCount: 1, backlogBytes: 1, oldestMessageTimestamp: since });
    const { json } = await ready();
    expect(json.oldest_unsent_email_seconds.queue).toBeGreaterThanOrEqual(120);
    const silent = { ...env, MAIL_QUEUE: { send: env.MAIL_QUEUE.send } as typeof env.MAIL_QUEUE };
    const answer = await get("/health/ready", {}, appWith({}, silent));
    expect(answer.json).toMatchObject({ checks: FINE, oldest_unsent_email_seconds: { queue: null } });
  });
});

describe("GET /health/ready, asked often", () => {
  const forgetFollowUps = () => env.DB.exec("DELETE FROM follow_ups");
  beforeAll(forgetFollowUps);
  afterEach(forgetFollowUps);

  it("asks the stores once in two seconds, so that requests for it are no load for them", async () => {
    const send = appWith({});
    const logs = recordLogs();
    const ask = () => get("/health/ready", {}, send);
    const first = await ask();
    vi.spyOn(env.REVOCATIONS, "get").mockImplementation(fail);
    expect((await ask()).json).toEqual(first.json);
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 2_000);
    expect((await ask()).status).toBe(503);
    expect((await ask()).status).toBe(503);
    const calls = logs().flatMap((line) => (line.event === "request" ? [line.storage_calls] : []));
    expect(calls).toEqual([6, 0, 6, 0]);
  });

  it("answers at once while another request waits for a store", async () => {
    const send = appWith({});
    const ask = () => get("/health/ready", {}, send);
    await ask();
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 2_000);
    let release = () => {};
    const asked = vi.spyOn(env.REVOCATIONS, "get");
    asked.mockImplementation(() => new Promise<never>((_, reject) => (release = () => reject(new Error("out")))));
    const waiting = ask();
    await eventually(() => expect(asked).toHaveBeenCalled());
    expect((await ask()).status).toBe(200);
    release();
    expect((await waiting).status).toBe(503);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it("reads at most 1,000 rows, also while an outage leaves more work undone", async () => {
    await env.DB.exec(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) INSERT INTO follow_ups SELECT printf('0%07x', i), 'sessions', '{}', 0, 0 FROM n",
    );
    await leaveEmail(16 * MINUTE);
    const { json } = await ready();
    expect(json).toMatchObject({ checks: { ...FINE, cron: "late" }, oldest_unsent_email_seconds: { database: null } });
    await env.DB.exec("DELETE FROM follow_ups WHERE id = '00000000'");
    expect((await ready()).json).toMatchObject({ checks: { ...FINE, cron: "late", emails: "late" } });
  });
});

/** Stores an email that has waited this long to be queued. The next attempt is due in a minute. */
async function leaveEmail(milliseconds: number): Promise<void> {
  const id = createId(Date.now() - milliseconds, systemRandom);
  await env.DB.prepare("INSERT INTO follow_ups VALUES (?, 'mail', '{}', ?, 3)")
    .bind(id, Date.now() + MINUTE)
    .run();
}

function fail(): never {
  throw new Error("out");
}
