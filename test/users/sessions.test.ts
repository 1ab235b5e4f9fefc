import { describe, expect, it, vi } from "vitest";
import { expectEnded, readMe, refresh, tryLogin } from "../support/account.ts";
import { appWith, call, expectProblem, get } from "../support/client.ts";
import { loggedIn, logIn, registered } from "../support/people.ts";

const SESSIONS = "/api/v1/users/me/sessions";
const end = (id: string, bearer: string) => call("DELETE", `${SESSIONS}/${id}`, { bearer });

describe("GET /api/v1/users/me/sessions", () => {
  it("lists the user's own sessions, last used first, and marks the one that asks [SE-8]", async () => {
    const person = await registered();
    await loggedIn();
    const old = await logIn(person, { device_name: "Old phone" });
    const options = { address: "198.51.100.9", headers: { "User-Agent": "Telescope/1.0" } };
    const here = await logIn(person, { device_name: "Laptop" }, options);
    const { json, status } = await get(SESSIONS, { bearer: here.accessToken });
    expect(status).toBe(200);
    expect(json.items).toMatchObject([
      {
        id: here.sessionId,
        device_name: "Laptop",
        user_agent: "Telescope/1.0",
        ip_address: "198.51.100.9",
        current: true,
      },
      { id: old.sessionId, device_name: "Old phone", current: false },
    ]);

    vi.setSystemTime(Date.now() + 60_000);
    await refresh(old.refreshToken);
    const { json: later } = await get(SESSIONS, { bearer: here.accessToken });
    expect(later.items[0].id).toBe(old.sessionId);
    expect(Date.parse(later.items[0].last_used_at)).toBeGreaterThan(Date.parse(later.items[0].created_at));
  });

  it("needs an access token", async () => {
    expectProblem(await get(SESSIONS), 401, "unauthorized");
    expectProblem(await end(crypto.randomUUID(), "nonsense"), 401, "invalid_access_token");
  });
});

describe("DELETE /api/v1/users/me/sessions/{id}", () => {
  it("ends that session at once and leaves the others [SE-8]", async () => {
    const person = await registered();
    const [here, lost] = [await logIn(person), await logIn(person)];
    expect((await end(lost.sessionId, here.accessToken)).status).toBe(204);
    await expectEnded(lost);
    expect((await readMe(here.accessToken)).status).toBe(200);
    expectProblem(await end(lost.sessionId, here.accessToken), 404, "not_found");
  });

  it("may end the session that asks", async () => {
    const { accessToken, sessionId } = await loggedIn();
    expect((await end(sessionId, accessToken)).status).toBe(204);
    expectProblem(await readMe(accessToken), 401, "invalid_access_token");
  });

  it("knows nothing of another user's sessions [AC-3, SE-8]", async () => {
    const [attacker, victim] = [await loggedIn(), await loggedIn()];
    expectProblem(await end(victim.sessionId, attacker.accessToken), 404, "not_found");
    for (const id of ["1", "' OR 1=1 --", crypto.randomUUID()]) {
      expectProblem(await end(encodeURIComponent(id), attacker.accessToken), 404, "not_found");
    }
    expect((await readMe(victim.accessToken)).status).toBe(200);
  });
});

describe("DELETE /api/v1/users/me/sessions", () => {
  it("ends every session but the one that asks [SE-8]", async () => {
    const person = await registered();
    const [here, ...others] = [await logIn(person), await logIn(person), await logIn(person)];
    for (let time = 0; time < 2; time++) {
      expect((await call("DELETE", SESSIONS, { bearer: here.accessToken })).status).toBe(204);
    }
    for (const { accessToken } of others) expectProblem(await readMe(accessToken), 401, "invalid_access_token");
    expect((await readMe(here.accessToken)).status).toBe(200);
  });
});

describe("a session that is not used", () => {
  it("ends after the idle time, and lives on with every refresh until its absolute end [SE-5]", async () => {
    const person = await registered();
    const send = appWith({ SESSION_IDLE_DAYS: "7", REFRESH_TOKEN_EXPIRE_DAYS: "10" });
    const login = await tryLogin(person, {}, send);
    expect(login.json.refresh_expires_in).toBe(7 * 86_400);
    const start = Date.now();
    vi.setSystemTime(start + 6 * 86_400_000);
    const used = await refresh(login.json.refresh_token, send);
    expect(used.json.refresh_expires_in).toBeLessThanOrEqual(4 * 86_400);
    vi.setSystemTime(start + 9 * 86_400_000);
    const again = await refresh(used.json.refresh_token, send);
    expect(again.status).toBe(200);
    vi.setSystemTime(start + 10 * 86_400_000 - 60_000);
    const last = await refresh(again.json.refresh_token, send);
    expect(last.json.expires_in, "no access token outlives its session").toBeLessThanOrEqual(61);
    vi.setSystemTime(start + 10 * 86_400_000 + 5_000);
    expectProblem(await refresh(last.json.refresh_token, send), 401, "invalid_refresh_token");

    vi.setSystemTime(start);
    const idle = await tryLogin(person, {}, send);
    vi.setSystemTime(start + 7 * 86_400_000 + 5_000);
    expectProblem(await refresh(idle.json.refresh_token, send), 401, "invalid_refresh_token");
  });
});
