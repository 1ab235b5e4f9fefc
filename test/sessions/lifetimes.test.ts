import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { refresh, tryLogin } from "../support/account.ts";
import { type Answer, appWith, expectProblem, get, post } from "../support/client.ts";
import { type Person, registered } from "../support/people.ts";

const DAY = 86_400_000;
const NAME = "postern_refresh";

/** A client of the service with these settings, which keeps its newest refresh token. */
async function client(person: Person, values: Record<string, string> = {}) {
  const send = appWith(values);
  const login = await tryLogin(person, {}, send);
  expect(login.status, login.text).toBe(200);
  let token: string = login.json.refresh_token;
  return {
    login,
    async refresh(): Promise<Answer> {
      const answer = await refresh(token, send);
      token = answer.json.refresh_token ?? token;
      return answer;
    },
  };
}

describe("a session", () => {
  it("ends after seven days without a refresh, and after thirty days in any case [SE-5]", async () => {
    const person = await registered();
    const start = Date.now();
    vi.setSystemTime(start);
    const active = await client(person);
    const idle = await client(person);
    expect(active.login.json.refresh_expires_in).toBe(7 * 86_400);
    for (let day = 6; day < 30; day += 6) {
      vi.setSystemTime(start + day * DAY);
      expect((await active.refresh()).status, `day ${day}`).toBe(200);
    }
    vi.setSystemTime(start + 30 * DAY + 5_000);
    expectProblem(await active.refresh(), 401, "invalid_refresh_token");

    vi.setSystemTime(start + 7 * DAY + 5_000);
    expectProblem(await idle.refresh(), 401, "invalid_refresh_token");
  });

  it("takes both lifetimes from the configuration, and no access token outlives it [SE-5]", async () => {
    const person = await registered();
    const values = { REFRESH_TOKEN_EXPIRE_DAYS: "5", SESSION_MAX_DAYS: "8" };
    const start = Date.now();
    vi.setSystemTime(start);
    const { login, refresh } = await client(person, values);
    expect(login.json.refresh_expires_in).toBe(5 * 86_400);
    vi.setSystemTime(start + 4 * DAY);
    expect((await refresh()).json.refresh_expires_in).toBeLessThanOrEqual(4 * 86_400);
    vi.setSystemTime(start + 8 * DAY - 60_000);
    expect((await refresh()).json.expires_in).toBeLessThanOrEqual(61);
    vi.setSystemTime(start + 8 * DAY + 5_000);
    expectProblem(await refresh(), 401, "invalid_refresh_token");
  });

  it("lives no longer than SESSION_MAX_DAYS, even if its refresh tokens could", async () => {
    const person = await registered();
    vi.setSystemTime(Date.now());
    const { login, refresh } = await client(person, { SESSION_MAX_DAYS: "3" });
    expect(login.json.refresh_expires_in).toBe(3 * 86_400);
    vi.setSystemTime(Date.now() + 3 * DAY + 5_000);
    expectProblem(await refresh(), 401, "invalid_refresh_token");
  });

  it("has one end in the response, in the cookie and in the list, and each refresh moves all three", async () => {
    const { email, password } = await registered();
    const origin = { Origin: "http://localhost:8787" };
    const maxAge = ({ headers }: Answer) => Number(/Max-Age=(\d+)/.exec(headers.get("Set-Cookie") ?? "")?.[1]);
    let answer = await post("/api/v1/auth/login", { email, password, cookie: true }, { headers: origin });
    const start = Date.now();
    // On the 28th day two days are left.
    for (const [day, left] of [0, 7, 7, 7, 7, 2].map((expected, index) => [index * 5.6, expected] as const)) {
      if (day > 0) {
        vi.setSystemTime(start + day * DAY);
        const cookie = new RegExp(`${NAME}=([^;]*)`).exec(answer.headers.get("Set-Cookie") ?? "")?.[1] ?? "";
        const headers = { ...origin, Cookie: `${NAME}=${cookie}` };
        answer = await post("/api/v1/auth/refresh", undefined, { headers });
        expect(answer.json.refresh_expires_in / 86_400, `day ${day}`).toBeCloseTo(left, 2);
      }
      expect(maxAge(answer)).toBe(answer.json.refresh_expires_in);
      const { json } = await get("/api/v1/users/me/sessions", { bearer: answer.json.access_token });
      const end = Date.parse(json.items[0].expires_at);
      expect(Math.abs(end - Date.now() - answer.json.refresh_expires_in * 1_000)).toBeLessThan(5_000);
    }
  });
});

describe("a session of a version whose sessions lived for thirty days without a refresh", () => {
  it("survives the update, and has the new lifetimes from its next refresh on", async () => {
    const person = await registered();
    const { login, refresh } = await client(person);
    const object = env.USER_SESSIONS.getByName(login.json.user.id);
    await runInDurableObject(object, (_, { storage }) => {
      storage.sql.exec("UPDATE sessions SET expires_at = ends_at");
    });
    await evictDurableObject(object);
    const start = Date.now();
    vi.setSystemTime(start + 20 * DAY);
    const { status, json } = await refresh();
    expect(status).toBe(200);
    expect(json.refresh_expires_in).toBe(7 * 86_400);
    vi.setSystemTime(start + 27 * DAY + 5_000);
    expectProblem(await refresh(), 401, "invalid_refresh_token");
  });
});
