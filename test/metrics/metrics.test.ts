import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import type { MailEvent } from "../../src/mail/requests.ts";
import { EMAIL_KINDS } from "../../src/metrics/families.ts";
import { isolateTally } from "../../src/metrics/tally.ts";
import { extend } from "../../src/platform/records.ts";
import { readMe, refresh, register, tryLogin } from "../support/account.ts";
import { appWith, call, expectProblem, freshAddress, get, laneOf } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { heldTimers } from "../support/held-timers.ts";
import { recordLogs } from "../support/logs.ts";
import { countingApp, growth, METRICS_TOKEN, samples, samplesIn, scrape } from "../support/metrics.ts";
import { loggedIn, newPerson, registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const app = countingApp();
const WRONG = "a wrong password, surely";

describe("GET /metrics", () => {
  it("does not exist without METRICS_TOKEN, like any unknown path", async () => {
    expectProblem(await get("/metrics", { bearer: METRICS_TOKEN }, appWith({})), 404, "not_found");
  });

  it.each([
    ["none", undefined],
    ["a wrong one", `${METRICS_TOKEN.slice(0, -1)}x`],
    ["one that is too short", METRICS_TOKEN.slice(0, -1)],
    ["one that is too long", `${METRICS_TOKEN}x`],
  ])("refuses %s for a token", async (_what, bearer) => {
    const answer = await get("/metrics", { bearer }, app);
    expectProblem(answer, 401, "unauthorized");
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
    expect(answer.text).not.toContain("postern_");
  });

  it("takes the token from the Authorization header alone", async () => {
    expect((await get(`/metrics?token=${METRICS_TOKEN}&access_token=${METRICS_TOKEN}`, {}, app)).status).toBe(401);
  });

  it.each([
    [undefined, "text/plain; version=0.0.4; charset=utf-8"],
    ["*/*", "text/plain; version=0.0.4; charset=utf-8"],
    ["text/html", "text/plain; version=0.0.4; charset=utf-8"],
    ["application/openmetrics-text;q=0", "text/plain; version=0.0.4; charset=utf-8"],
    ["application/openmetrics-text;q=0.3,text/plain;q=0.5", "text/plain; version=0.0.4; charset=utf-8"],
    ["application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"],
    [
      // What Prometheus 2.42 sends.
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ],
  ])("answers Accept: %s with %s", async (accept, type) => {
    const answer = await scrape(app, accept === undefined ? {} : { headers: { Accept: accept } });
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, type]);
    expect(answer.headers.get("Vary")).toContain("Accept");
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(answer.text.endsWith("\n# EOF\n")).toBe(type.includes("openmetrics"));
  });

  it("says the same in both formats, each family once and its samples together", async () => {
    await readMe(undefined, app);
    const plain = (await scrape(app)).text;
    const open = (await scrape(app, { headers: { Accept: "application/openmetrics-text" } })).text;
    expect([...samplesIn(open).keys()].filter((name) => !name.includes('"/metrics"'))).toEqual(
      [...samplesIn(plain).keys()].filter((name) => !name.includes('"/metrics"')),
    );
    for (const text of [plain, open]) {
      const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      const names = lines.map((line) => line.replace(/(_bucket|_sum|_count)?[{ ].*$/, ""));
      const starts = names.filter((name, index) => name !== names[index - 1]);
      expect(new Set(starts).size).toBe(starts.length);
      expect(new Set(lines.map((line) => line.replace(/ \S+$/, ""))).size).toBe(lines.length);
      for (const name of names) expect(name).toMatch(/^postern_/);
    }
    expect(plain).toContain("# TYPE postern_logins_total counter");
    expect(open).toContain("# TYPE postern_logins counter");
    expect(open).toContain("# TYPE postern_build info");
  });

  it("holds cumulative buckets whose last equals the count", async () => {
    await readMe(undefined, app);
    const all = await samples(app);
    const labels = 'route="/api/v1/users/me",method="GET"';
    const name = "postern_http_request_duration_seconds";
    const buckets = [...all].filter(([key]) => key.startsWith(`${name}_bucket{${labels},`)).map(([, value]) => value);
    expect(buckets.length).toBeGreaterThan(5);
    expect(buckets).toEqual(buckets.toSorted((left, right) => left - right));
    expect(buckets.at(-1)).toBe(all.get(`${name}_count{${labels}}`));
    expect(all.get(`${name}_bucket{${labels},le="+Inf"}`)).toBe(all.get(`${name}_count{${labels}}`));
    expect(all.get(`${name}_bucket{${labels},le="1.0"}`)).toBeDefined();
    expect(all.get(`${name}_sum{${labels}}`)).toBeGreaterThanOrEqual(0);
  });
});

describe("what is counted", () => {
  it("is each request by route pattern, method and status; unknown paths and methods are one each", async () => {
    const { accessToken } = await loggedIn();
    const id = crypto.randomUUID();
    const requests = (labels: string) => `postern_http_requests_total{${labels}}`;
    const names = [
      requests('route="/api/v1/users/me",method="GET",status="200"'),
      requests('route="/api/v1/users/me/sessions/{id}",method="DELETE",status="404"'),
      requests('route="unknown",method="GET",status="404"'),
      requests('route="unknown",method="other",status="404"'),
    ];
    const grown = await growth(app, names, async () => {
      await readMe(accessToken, app);
      await call("DELETE", `/api/v1/users/me/sessions/${id}`, { bearer: accessToken }, app);
      await get("/nowhere/secret-1", {}, app);
      await get("/nowhere/secret-2?token=secret-3", {}, app);
      await call("PROPFIND", "/nowhere", {}, app);
    });
    expect(grown).toEqual([1, 1, 2, 1]);
    const { text } = await scrape(app);
    for (const secret of [id, "secret-", "PROPFIND"]) expect(text).not.toContain(secret);
  });

  it("is each login and refresh by its result, a reuse included", async () => {
    const person = await loggedIn();
    const names = [
      'postern_logins_total{result="succeeded"}',
      'postern_logins_total{result="invalid_credentials"}',
      'postern_logins_total{result="validation_failed"}',
      'postern_refreshes_total{result="succeeded"}',
      'postern_refreshes_total{result="no_session"}',
      'postern_refreshes_total{result="invalid_refresh_token"}',
      'postern_refreshes_total{result="refresh_token_reused"}',
    ];
    const strict = countingApp({ REFRESH_GRACE_SECONDS: "0" });
    const grown = await growth(app, names, async () => {
      expect((await tryLogin(person, {}, app)).status).toBe(200);
      await tryLogin({ ...person, password: WRONG }, {}, app);
      await call("POST", "/api/v1/auth/login", { body: { email: 7 } }, app);
      await refresh("prt_forged", app);
      await call("POST", "/api/v1/auth/refresh", { body: { restore: true } }, app);
      expect((await refresh(person.refreshToken, strict)).status).toBe(200);
      await new Promise((done) => setTimeout(done, 5));
      expectProblem(await refresh(person.refreshToken, strict), 401, "refresh_token_reused");
    });
    expect(grown).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it("is each limit that refused, by name", async () => {
    const person = await registered();
    const limited = countingApp({ RATE_LIMITS: "loginPerAddress=1/5m" });
    const address = freshAddress();
    const names = ['postern_limits_hit_total{limit="loginPerAddress"}', 'postern_logins_total{result="rate_limited"}'];
    const grown = await growth(app, names, async () => {
      await tryLogin({ ...person, password: WRONG }, { address }, limited);
      expect((await tryLogin({ ...person, password: WRONG }, { address }, limited)).status).toBe(429);
    });
    expect(grown).toEqual([1, 1]);
  });

  it("is each limit that an object or a row keeps, and the shield", async () => {
    const person = await loggedIn();
    const limited = countingApp({ RATE_LIMITS: "refreshPerSession=1/15m,loginsPerUser=1/15m" });
    const flooded = countingApp({}, { FLOOD_SHIELD: { limit: async () => ({ success: false }) } });
    const names = ["refreshPerSession", "loginsPerUser", "floodShield"].map(
      (limit) => `postern_limits_hit_total{limit="${limit}"}`,
    );
    const grown = await growth(app, names, async () => {
      const { json } = await refresh(person.refreshToken, limited);
      expect((await refresh(json.refresh_token, limited)).status).toBe(429);
      expect((await tryLogin(person, {}, limited)).status).toBe(429);
      expect((await get("/", {}, flooded)).status).toBe(429);
    });
    expect(grown).toEqual([1, 1, 1]);
  });

  it("is each password that the lane refused, and how many waited", async () => {
    const full = countingApp(laneOf(1));
    let refused = 0;
    const [grown] = await growth(app, ["postern_hash_lane_refused_total"], async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => register(newPerson(), full)));
      refused = answers.filter(({ status }) => status === 503).length;
    });
    expect(refused).toBeGreaterThan(0);
    expect(grown).toBe(refused);
    expect((await samples(app)).get("postern_hash_lane_waiting")).toBe(1);
  });

  it("is each storage round trip, by storage, and those that fail", async () => {
    const { accessToken } = await loggedIn();
    const names = ["d1", "sessions"].map((target) => `postern_storage_hop_duration_seconds_count{target="${target}"}`);
    const failures = 'postern_storage_failures_total{target="sessions"}';
    // The scrape itself reads D1 twice.
    expect(await growth(app, [...names, failures], () => readMe(accessToken, app))).toEqual([1 + 2, 1, 0]);
    const [failed] = await growth(app, [failures], async () => {
      const USER_SESSIONS = { getByName: () => fail() } as unknown as typeof env.USER_SESSIONS;
      expect((await readMe(accessToken, countingApp({}, { USER_SESSIONS }))).status).toBe(503);
    });
    expect(failed).toBe(1);
  });

  it("is each task of the cron job, and each run", async () => {
    const names = [
      'postern_cron_runs_total{result="ok"}',
      'postern_cron_runs_total{result="failed"}',
      'postern_cron_tasks_total{task="release_usernames",result="ok"}',
      'postern_cron_tasks_total{task="release_usernames",result="failed"}',
    ];
    const grown = await growth(app, names, async () => {
      const services = coldIsolate({ METRICS_TOKEN });
      await runCronTasks(services);
      const deletions = { ...services.deletions, releaseUsernames: async () => fail() };
      await expect(runCronTasks(extend(services, { deletions }))).rejects.toThrow();
    });
    expect(grown).toEqual([1, 1, 1, 1]);
  });

  it("starts at 0 where the values of the labels are known, so that the first event shows", async () => {
    // This hands over what other test files have counted. The second scrape reads a new object, without counts.
    await scrape(app);
    const METRICS = { getByName: () => env.METRICS.getByName(crypto.randomUUID()) } as unknown as typeof env.METRICS;
    const all = await samples(countingApp({}, { METRICS }));
    expect(all.get('postern_emails_total{kind="email_changed",state="refused"}')).toBe(0);
    expect(all.get('postern_limits_hit_total{limit="exportPerUser"}')).toBe(0);
    expect(all.get('postern_revocation_copies_total{result="failed"}')).toBe(0);
    expect(all.get('postern_build_info{version="0.1.0"}')).toBe(1);
  });

  it("knows every kind of email", () => {
    const kinds: Record<MailEvent["kind"], true> = {
      verify_email: true,
      invitation: true,
      password_blocked: true,
      password_changed: true,
      password_removed: true,
      new_login: true,
      refresh_reused: true,
      second_factor_added: true,
      second_factor_removed: true,
      recovery_code_used: true,
      recovery_codes_replaced: true,
      passkey_counter_fell_back: true,
      second_factors_removed: true,
      second_factor_code: true,
      confirm_email: true,
      email_change_requested: true,
      email_changed: true,
      account_deleted: true,
      reset_password: true,
      email_login: true,
      resend_verification: true,
    };
    expect(EMAIL_KINDS.toSorted()).toEqual(Object.keys(kinds).toSorted());
  });

  it("costs a request no round trip, and calls no object if a request counts nothing that has a history", async () => {
    const person = await loggedIn();
    const getByName = vi.fn(env.METRICS.getByName.bind(env.METRICS));
    const METRICS = { getByName } as unknown as typeof env.METRICS;
    for (const values of [{ METRICS_TOKEN }, { METRICS_TOKEN: "" }]) {
      const logs = recordLogs();
      const send = countingApp(values, { METRICS });
      await tryLogin(person, {}, send);
      await readMe(person.accessToken, send);
      const lines = logs().filter(({ event }) => event === "request");
      expect(lines.map(({ hops }) => hops)).toEqual([2, 1]);
    }
    getByName.mockClear();
    isolateTally.take();
    await readMe(person.accessToken, appWith({}, { METRICS }));
    expect(getByName).not.toHaveBeenCalled();
  });
});

describe("what is read at a scrape", () => {
  beforeAll(() => env.DB.exec("DELETE FROM follow_ups"));

  it("is the age of the signing keys, and whether one is overdue", async () => {
    await loggedIn();
    const before = await samples(app);
    expect(before.get('postern_signing_key_age_seconds{state="signing"}')).toBeGreaterThanOrEqual(0);
    expect(before.get("postern_signing_key_overdue_seconds")).toBe(0);
    await env.DB.exec("CREATE TABLE kept_keys AS SELECT * FROM signing_keys");
    // Makes all keys sign now, because earlier tests may have left a key that signs later.
    await env.DB.prepare("UPDATE signing_keys SET rotates_at = ?1, created_at = ?2, signs_from = ?2")
      .bind(Date.now() - 3_600_000, Date.now() - 7_200_000)
      .run();
    const late = await samples(app);
    expect(late.get('postern_signing_key_age_seconds{state="signing"}')).toBeGreaterThanOrEqual(7_200);
    expect(late.get("postern_signing_key_overdue_seconds")).toBeGreaterThanOrEqual(3_600);
    await runCronTasks(coldIsolate());
    const rotated = await samples(app);
    expect(rotated.get("postern_signing_key_overdue_seconds")).toBe(0);
    expect(rotated.get('postern_signing_key_age_seconds{state="next"}')).toBeGreaterThanOrEqual(0);
    await env.DB.exec("DELETE FROM signing_keys");
    await env.DB.exec("INSERT INTO signing_keys SELECT * FROM kept_keys");
    await env.DB.exec("DROP TABLE kept_keys");
  });

  it("is what waits in D1 and in the queues, and the age of the oldest email", async () => {
    const hourAgo = Date.now() - 3_600_000;
    const id = `${hourAgo
      .toString(16)
      .padStart(12, "0")
      .replace(/^(.{8})/, "$1-")}-7000-8000-000000000000`;
    await env.DB.prepare("INSERT INTO follow_ups (id, kind, content, due_at, failures) VALUES (?, 'mail', '{}', ?, 0)")
      .bind(id, Date.now() + 3_600_000)
      .run();
    const oldest = new Date(Date.now() - 60_000);
    const MAIL_DEAD_LETTERS = {
      metrics: async () => ({ backlogCount: 3, backlogBytes: 9, oldestMessageTimestamp: oldest }),
    } as unknown as typeof env.MAIL_DEAD_LETTERS;
    const AUDIT_QUEUE = { metrics: async () => fail() } as unknown as typeof env.AUDIT_QUEUE;
    const all = await samples(countingApp({}, { MAIL_DEAD_LETTERS, AUDIT_QUEUE }));
    expect(all.get('postern_follow_ups_waiting{kind="mail"}')).toBe(1);
    expect(all.get('postern_follow_ups_waiting{kind="anonymise"}')).toBe(0);
    expect(all.get("postern_email_oldest_unsent_seconds")).toBeGreaterThanOrEqual(3_600);
    expect(all.get('postern_queue_messages{queue="mail_dead"}')).toBe(3);
    expect(all.get('postern_queue_oldest_message_seconds{queue="mail_dead"}')).toBeGreaterThanOrEqual(60);
    expect(all.get('postern_queue_messages{queue="audit_dead"}')).toBe(0);
    expect(all.has('postern_queue_messages{queue="audit"}')).toBe(false);
    await env.DB.prepare("DELETE FROM follow_ups WHERE id = ?").bind(id).run();
  });

  it("leaves out what D1 does not tell, and says so", async () => {
    const DB = { prepare: () => fail(), batch: () => fail(), withSession: () => fail() } as unknown as typeof env.DB;
    const all = await samples(countingApp({}, { DB }));
    expect(all.get("postern_database_up")).toBe(0);
    expect([...all.keys()].filter((name) => /^postern_signing_key_|_follow_ups_waiting/.test(name))).toEqual([]);
    expect((await samples(app)).get("postern_database_up")).toBe(1);
  });

  it("reads at most 1,000 rows of work that waits, also while an outage makes them many", async () => {
    await env.DB.exec(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1499) INSERT INTO follow_ups SELECT 'many' || i, 'sessions', '{}', 0, 0 FROM n",
    );
    const all = await samples(app);
    await env.DB.exec("DELETE FROM follow_ups WHERE id LIKE 'many%'");
    expect(all.get('postern_follow_ups_waiting{kind="sessions"}')).toBe(1_000);
  });

  it("does not wait for D1 and a queue that never answer", async () => {
    const never = () => new Promise<never>(() => {});
    const statement = { bind: () => statement, all: never, run: never, raw: never };
    const DB = { prepare: () => statement, batch: never, withSession: () => DB } as unknown as typeof env.DB;
    const AUDIT_QUEUE = { metrics: vi.fn(never) };
    const timers = heldTimers();
    const metered = countingApp({}, { DB, AUDIT_QUEUE: AUDIT_QUEUE as unknown as typeof env.AUDIT_QUEUE });
    const asked = timers.hold(() => samples(metered));
    // One timer is for D1, and one for the queue. Everything else has answered.
    await eventually(() => expect(timers.waiting).toEqual([5_000, 5_000]));
    timers.end();
    const all = await asked;
    expect(all.get("postern_database_up")).toBe(0);
    expect(all.has('postern_queue_messages{queue="audit"}')).toBe(false);
    expect(all.has('postern_queue_messages{queue="mail"}')).toBe(true);
  });

  it("is 503 where the object does not answer, and loses nothing", async () => {
    const METRICS = { getByName: () => fail() } as unknown as typeof env.METRICS;
    const name = 'postern_http_requests_total{route="/",method="GET",status="200"}';
    const [grown] = await growth(app, [name], async () => {
      await get("/", {}, app);
      expectProblem(await scrape(countingApp({}, { METRICS })), 503, "unavailable");
    });
    expect(grown).toBe(1);
  });
});

function fail(): never {
  throw new Error("out");
}
