/** Refresh tokens and sessions (docs/conformance.md, G). */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { decodeBase64url } from "../../src/platform/encoding.ts";
import { revocationKey } from "../../src/sessions/revocations.ts";
import { appWith, call, expectProblem, get, ORIGIN, post } from "../support/client.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, registered, withStanding } from "../support/people.ts";
import { mailAbout, tokenAbout } from "./mails.ts";
import { shown } from "./shown.ts";

const DAY = 86_400_000;
const SESSIONS = "/api/v1/users/me/sessions";
const LOGOUT = "/api/v1/auth/logout";
const refresh = (refresh_token: string) => post("/api/v1/auth/refresh", { refresh_token });
const me = (bearer: string) => get("/api/v1/users/me", { bearer });

async function successor(token: string): Promise<string> {
  const answer = await refresh(token);
  expect(answer.status, answer.text).toBe(200);
  return answer.json.refresh_token;
}

async function expectEnded({ accessToken, refreshToken }: Pick<LoggedIn, "accessToken" | "refreshToken">) {
  expectProblem(await me(accessToken), 401, "invalid_access_token");
  expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
}

describe("refresh tokens", () => {
  it("SE-1: are sealed with 256 bits, stored nowhere, and refused alike whatever is wrong with them", async () => {
    const { refreshToken, sessionId, userId } = await loggedIn();
    const stored = await runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
      const rows = (query: string) => [...storage.sql.exec(query)];
      const tables = rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'");
      return JSON.stringify([tables.map(({ name }) => rows(`SELECT * FROM "${name}"`)), [...storage.kv.list()]]);
    });
    expect(stored).toContain(sessionId);
    expect(stored).not.toContain(refreshToken.slice(-43));
    const bytes = decodeBase64url(refreshToken.replace(/^prt_/, ""));
    expect(bytes?.byteLength).toBe(1 + 16 + 16 + 4 + 32);
    const revoked = await loggedIn();
    await post(LOGOUT, {}, { bearer: revoked.accessToken });
    const forged = `${refreshToken.slice(0, -8)}AAAAAAAA`;
    const answers = [await refresh("malformed"), await refresh(forged), await refresh(revoked.refreshToken)];
    vi.setSystemTime(Date.now() + 31 * DAY);
    answers.push(await refresh(refreshToken));
    for (const answer of answers) {
      expectProblem(answer, 401, "invalid_refresh_token");
      expect(shown(answer)).toEqual(shown(answers[0] ?? answer));
    }
  });

  it("SE-2: are replaced on every use", async () => {
    const { refreshToken } = await loggedIn();
    const second = await successor(refreshToken);
    const third = await successor(second);
    expect(new Set([refreshToken, second, third]).size).toBe(3);
  });

  it("SE-3: end their whole session when a superseded one comes again, which the audit log and the owner learn", async () => {
    const { refreshToken, accessToken, userId, email } = await loggedIn();
    const third = await successor(await successor(refreshToken));
    expectProblem(await refresh(refreshToken), 401, "refresh_token_reused");
    await expectEnded({ accessToken, refreshToken: third });
    expect(await eventsOf(userId, "refresh_token_reused")).toHaveLength(1);
    await mailAbout(email, /^A device was logged out/);
  });

  it("SE-4: have one successor, however many requests use one at once; after that is used they are a theft", async () => {
    const { refreshToken } = await loggedIn();
    const answers = await Promise.all(Array.from({ length: 10 }, () => successor(refreshToken)));
    const [next = "", ...others] = new Set(answers);
    expect(others).toEqual([]);
    const last = await successor(next);
    expectProblem(await refresh(refreshToken), 401, "refresh_token_reused");
    expectProblem(await refresh(last), 401, "invalid_refresh_token");

    const late = await loggedIn();
    await successor(late.refreshToken);
    vi.setSystemTime(Date.now() + 31_000);
    expectProblem(await refresh(late.refreshToken), 401, "refresh_token_reused");
  });

  it("SE-6: give an access token of what the user is now, and none to who is disabled", async () => {
    const person = await loggedIn();
    await env.DB.prepare("UPDATE users SET role = 'moderator' WHERE id = ?").bind(person.userId).run();
    const answer = await refresh(person.refreshToken);
    expect(decodeJwt(answer.json.access_token).role).toBe("moderator");
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE id = ?").bind(person.userId).run();
    expectProblem(await refresh(answer.json.refresh_token), 401, "invalid_refresh_token");
  });
});

describe("sessions", () => {
  it("SE-5: end 30 days after the login however much they are used, and sooner when they are not", async () => {
    const person = await registered();
    const send = appWith({ SESSION_IDLE_DAYS: "7" });
    const start = Date.now();
    const open = async () => {
      const { json } = await post("/api/v1/auth/login", { email: person.email, password: person.password }, {}, send);
      return json.refresh_token;
    };
    const [idle, used] = [await open(), await open()];
    const next = (refresh_token: string) => post("/api/v1/auth/refresh", { refresh_token }, {}, send);
    let token = used;
    for (const day of [6, 12, 18, 24, 29.9]) {
      vi.setSystemTime(start + day * DAY);
      token = (await next(token)).json.refresh_token;
      if (day === 12) expectProblem(await next(idle), 401, "invalid_refresh_token");
    }
    vi.setSystemTime(start + 30 * DAY + 5_000);
    expectProblem(await next(token), 401, "invalid_refresh_token");
  });

  it("SE-7: are over at logout for both tokens, which a second logout does not mind, and other Workers are told", async () => {
    const person = await loggedIn();
    for (let time = 0; time < 2; time++) {
      expect((await post(LOGOUT, {}, { bearer: person.accessToken })).status).toBe(204);
    }
    await expectEnded(person);
    await vi.waitFor(
      async () => {
        const record = await env.REVOCATIONS.get<{ sessions: object }>(revocationKey(person.userId), "json");
        expect(Object.keys(record?.sessions ?? {})).toEqual([person.sessionId]);
      },
      { timeout: 10_000 },
    );
  });

  it("SE-8: are listed and ended, one, the others or all, by their own user alone", async () => {
    const person = await registered();
    const [here, one, other] = [await logIn(person), await logIn(person), await logIn(person)];
    const { json } = await get(SESSIONS, { bearer: here.accessToken });
    expect(new Set(json.items.map(({ id }: { id: string }) => id))).toEqual(
      new Set([here, one, other].map(({ sessionId }) => sessionId)),
    );
    const stranger = await loggedIn();
    const end = (id: string, bearer: string) => call("DELETE", `${SESSIONS}/${id}`, { bearer });
    expectProblem(await end(one.sessionId, stranger.accessToken), 404, "not_found");
    expect((await me(one.accessToken)).status).toBe(200);

    expect((await end(one.sessionId, here.accessToken)).status).toBe(204);
    await expectEnded(one);
    expect((await call("DELETE", SESSIONS, { bearer: here.accessToken })).status).toBe(204);
    await expectEnded(other);
    expect((await me(here.accessToken)).status).toBe(200);
    const last = await logIn(person);
    expect((await post(LOGOUT, { all: true }, { bearer: last.accessToken })).status).toBe(204);
    for (const session of [here, last]) await expectEnded(session);
    expect((await me(stranger.accessToken)).status).toBe(200);
  });

  it("SE-9: end on every other device when the password changes or is reset, and on all when the account is disabled or deleted", async () => {
    const admin = await withStanding("admin");
    const new_password = "another fine password of hers";
    const deeds: Record<string, (device: LoggedIn) => Promise<number>> = {
      async change({ accessToken, password }) {
        const body = { current_password: password, new_password };
        return (await post("/api/v1/users/change-password", body, { bearer: accessToken })).status;
      },
      async reset({ email }) {
        await post("/api/v1/auth/forgot-password", { email });
        const token = await tokenAbout(email, /^Reset your Postern password/);
        return (await post("/api/v1/auth/reset-password", { token, new_password })).status;
      },
      disable: async ({ userId }) =>
        (await call("PATCH", `/api/v1/users/${userId}`, { bearer: admin.accessToken, body: { is_active: false } }))
          .status,
      delete: async ({ accessToken: bearer, password }) =>
        (await call("DELETE", "/api/v1/users/me", { bearer, body: { password } })).status,
    };
    for (const [name, act] of Object.entries(deeds)) {
      const person = await registered();
      const [here, other] = [await logIn(person), await logIn(person)];
      expect(await act(here), name).toBeLessThan(300);
      await expectEnded(other);
      expect((await me(here.accessToken)).status, name).toBe(name === "change" ? 200 : 401);
    }
  });

  it("SE-10: are refused while the word on what has ended can't be had, for users and operators", async () => {
    const admin = await withStanding("admin");
    vi.spyOn(env.USER_SESSIONS, "getByName").mockImplementation(() => {
      throw new Error("the object is out");
    });
    const send = appWith({});
    const bearer = admin.accessToken;
    for (const answer of [
      await post("/api/v1/auth/refresh", { refresh_token: admin.refreshToken }, {}, send),
      await get("/api/v1/users/me", { bearer }, send),
      await get("/api/v1/users/", { bearer }, send),
      await call("PATCH", `/api/v1/users/${admin.userId}`, { bearer, body: { first_name: "Ada" } }, send),
    ]) {
      expectProblem(answer, 503, "unavailable");
    }
  });

  it("SE-11: keep their cookie from scripts, other sites and plain http, and take it from no other site", async () => {
    const { email, password } = await registered();
    const own = { headers: { Origin: ORIGIN } };
    const login = await post("/api/v1/auth/login", { email, password, cookie: true }, own);
    const setCookie = login.headers.get("Set-Cookie") ?? "";
    expect(setCookie).toMatch(/^__Secure-postern_refresh=prt_[\w-]+; .*HttpOnly; Secure; SameSite=Strict$/);
    expect(setCookie).toContain("; Path=/api/v1/auth;");
    expect(setCookie).not.toContain("Domain");
    const Cookie = setCookie.split(";")[0] ?? "";
    for (const headers of [
      { Cookie, Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
      { Cookie, Origin: "null", "Sec-Fetch-Site": "cross-site" },
      { Cookie, "Sec-Fetch-Site": "cross-site" },
    ]) {
      for (const path of ["/api/v1/auth/refresh", LOGOUT]) {
        expectProblem(await post(path, {}, { headers }), 403, "origin_not_allowed");
      }
      const { Cookie: _, ...withoutCookie } = headers;
      const foreign = await post("/api/v1/auth/login", { email, password, cookie: true }, { headers: withoutCookie });
      expectProblem(foreign, 403, "origin_not_allowed");
    }
    expect((await post("/api/v1/auth/refresh", {}, { headers: { Cookie, Origin: ORIGIN } })).status).toBe(200);
  });
});
