import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { isolateTally } from "../../src/metrics/tally.ts";
import { tryLogin } from "../support/account.ts";
import { appWith, atOnce, call, expectProblem, get } from "../support/client.ts";
import { countingRows } from "../support/counted-rows.ts";
import { setUser } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { type LoggedIn, loggedIn, newPerson, registered, withStanding } from "../support/people.ts";
import { brokenObjects, coldIsolate } from "../support/services.ts";

const HOUR = 3_600_000;

let root: LoggedIn;

beforeAll(async () => {
  root = await withStanding("superuser");
});

async function overview(query = "", send = appWith({})) {
  const { json, status, text } = await get(`/api/v1/overview${query}`, { bearer: root.accessToken }, send);
  expect(status, text).toBe(200);
  return json;
}

/** The numbers that the table of users gives. */
const counted = () =>
  env.DB.prepare(
    "SELECT count(*) AS total, sum(is_verified) AS verified, sum(1 - is_active) AS suspended, count(second_factor_since) AS with_second_factor, sum(role <> 'user' OR is_superuser) AS operators FROM users",
  ).first();

describe("the numbers of users", () => {
  it("are exact after every change, in whichever way it is made", async () => {
    const before = (await overview()).users;
    expect(before).toEqual(await counted());
    const person = await loggedIn();
    const { userId } = person;
    const change = async (body: object) => {
      const answer = await call("PATCH", `/api/v1/users/${userId}`, { bearer: root.accessToken, body });
      expect(answer.status, answer.text).toBe(200);
      return (await overview()).users;
    };
    const { total, verified, suspended, with_second_factor, operators } = before;
    const expected = { total: total + 1, verified: verified + 1, suspended, with_second_factor, operators };
    expect((await overview()).users).toEqual(expected);
    expect(await change({ role: "moderator" })).toEqual({ ...expected, operators: operators + 1 });
    expect(await change({ is_superuser: true })).toEqual({ ...expected, operators: operators + 1 });
    expect(await change({ role: "user", is_superuser: false })).toEqual(expected);
    expect(await change({ is_active: false })).toEqual({ ...expected, suspended: suspended + 1 });
    expect(await change({ is_active: true, is_verified: false })).toEqual({ ...expected, verified });
    await setUser(person, { second_factor_since: 1 });
    await setUser(person, { second_factor_since: 2 });
    expect((await overview()).users).toEqual({ ...expected, verified, with_second_factor: with_second_factor + 1 });
    await call("DELETE", `/api/v1/users/${userId}`, { bearer: root.accessToken });
    expect((await overview()).users).toEqual(before);
    expect(await counted()).toEqual(before);
  });

  it("are exact although many change at once, and while others ask for the first time", async () => {
    await env.DB.batch(
      [
        "TRIGGER user_totals_insert",
        "TRIGGER user_totals_update",
        "TRIGGER user_totals_delete",
        "TABLE user_totals",
      ].map((what) => env.DB.prepare(`DROP ${what}`)),
    );
    await Promise.all([...Array.from({ length: 4 }, () => overview()), atOnce(8, async () => registered(newPerson()))]);
    expect((await overview()).users).toEqual(await counted());
  });

  it("are read without reading the users, once they were counted", async () => {
    const { DB, count } = countingRows();
    await overview();
    const { json } = await get("/api/v1/overview", { bearer: root.accessToken }, appWith({}, { DB }));
    expect(json.users.total).toBeGreaterThan(5);
    const used = count.rowsRead;
    await Promise.all(Array.from({ length: 10 }, () => registered()));
    count.rowsRead = 0;
    await get("/api/v1/overview", { bearer: root.accessToken }, appWith({}, { DB }));
    expect(count.rowsRead).toBe(used);
  });

  it("are counted again if another release left other triggers", async () => {
    const { total } = (await overview()).users;
    await env.DB.batch([
      env.DB.prepare("DROP TRIGGER user_totals_update"),
      env.DB.prepare(
        "CREATE TRIGGER user_totals_update AFTER UPDATE OF role ON users BEGIN UPDATE user_totals SET total = 0; END",
      ),
    ]);
    await env.DB.exec("UPDATE users SET role = role");
    expect((await overview()).users.total).toBe(total);
    await env.DB.exec("UPDATE users SET role = role");
    expect((await overview()).users.total).toBe(total);
  });
});

describe("the history", () => {
  it("says by hour what happened, without METRICS_TOKEN too", async () => {
    const metrics = env.METRICS.getByName("metrics");
    await runInDurableObject(metrics, (_, { storage }) => storage.deleteAll());
    isolateTally.take();
    const before = (await overview()).history.points.at(-1);
    const { meter } = coldIsolate();
    const person = await registered();
    await tryLogin(person, {}, appWith({}));
    await tryLogin({ ...person, password: "a wrong password, surely" }, {}, appWith({}));
    meter.count("limits_hit", { limit: "loginPerAddress" });
    meter.count("http_requests", { route: "/", method: "GET", status: "200" });
    const now = await eventually(async () => {
      const { history } = await overview();
      const point = history.points.at(-1);
      expect(point.emails.sent ?? 0).toBeGreaterThan(before.emails.sent ?? 0);
      return history;
    });
    expect(now.unit).toBe("hour");
    expect(now.points).toHaveLength(24);
    expect(now.points.slice(0, -1)).toEqual(
      Array.from({ length: 23 }, (_, index) => ({
        at: new Date(Date.parse(now.points[23].at) - (23 - index) * HOUR).toISOString(),
        ...{ users_created: 0, sessions_opened: 0, logins: 0, login_failures: {}, limits_hit: {}, emails: {} },
      })),
    );
    const point = now.points[23];
    const grown = (name: "users_created" | "logins" | "sessions_opened") => point[name] - before[name];
    expect([grown("users_created"), grown("logins"), grown("sessions_opened")]).toEqual([1, 1, 1]);
    expect(point.login_failures.invalid_credentials - (before.login_failures.invalid_credentials ?? 0)).toBe(1);
    expect(point.limits_hit.loginPerAddress - (before.limits_hit.loginPerAddress ?? 0)).toBe(1);
  });

  it("says by day what happened in 30 days", async () => {
    const { history } = await overview("?period=30d");
    expect(history.unit).toBe("day");
    expect(history.points).toHaveLength(30);
    expect(history.points[29].at).toBe(`${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`);
    expect(history.points[29].logins).toBeGreaterThan(0);
    const answer = await get("/api/v1/overview?period=1y", { bearer: root.accessToken });
    expectProblem(answer, 422, "validation_failed");
  });
});

describe("the overview", () => {
  it("says what runs where, and what the keys do", async () => {
    const { version, environment, keys, generated_at } = await overview();
    expect([version, environment]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+/), "development"]);
    expect(keys).toEqual((await get("/api/v1/keys", { bearer: root.accessToken })).json.items);
    expect(Math.abs(Date.parse(generated_at) - Date.now())).toBeLessThan(60_000);
  });

  it("says how many emails wait, as far as the platform does", async () => {
    await env.DB.exec("DELETE FROM undelivered_emails");
    const queue = (messages: number) => ({ ...env.MAIL_QUEUE, metrics: async () => ({ backlogCount: messages }) });
    const known = { MAIL_QUEUE: queue(3) } as unknown as typeof env;
    expect((await overview("", appWith({}, known))).emails).toEqual({ waiting: 3, dead_letters: 0 });
    const metrics = () => Promise.reject(new Error("no metrics"));
    const silent = { MAIL_QUEUE: { metrics } } as unknown as typeof env;
    expect((await overview("", appWith({}, silent))).emails).toEqual({ waiting: null, dead_letters: 0 });
  });

  it("is a 503 while the object of the counters does not answer", async () => {
    const METRICS = brokenObjects<typeof env.METRICS>();
    const answer = await get("/api/v1/overview", { bearer: root.accessToken }, appWith({}, { METRICS }));
    expectProblem(answer, 503, "unavailable");
  });
});
