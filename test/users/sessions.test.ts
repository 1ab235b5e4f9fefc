import { describe, expect, it, vi } from "vitest";
import { expectEnded, readMe, refresh } from "../support/account.ts";
import { call, expectProblem, get } from "../support/client.ts";
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
