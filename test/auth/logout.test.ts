import { describe, expect, it, vi } from "vitest";
import { expectEnded, readMe, refresh } from "../support/account.ts";
import { expectProblem, post } from "../support/client.ts";
import { loggedIn, logIn, registered } from "../support/people.ts";

const LOGOUT = "/api/v1/auth/logout";

describe("POST /api/v1/auth/logout", () => {
  it("refuses the access token and the refresh token from that moment on [SE-7]", async () => {
    const { accessToken, refreshToken } = await loggedIn();
    expect((await readMe(accessToken)).status).toBe(200);
    const answer = await post(LOGOUT, undefined, { bearer: accessToken });
    expect(answer.status).toBe(204);
    expect(answer.text).toBe("");
    await expectEnded({ accessToken, refreshToken });
  });

  it("takes a refresh token in place of an access token [OP-7]", async () => {
    const { accessToken, refreshToken } = await loggedIn();
    expect((await post(LOGOUT, { refresh_token: refreshToken })).status).toBe(204);
    await expectEnded({ accessToken, refreshToken });
    const hinted = { refresh_token: refreshToken, token_type_hint: "access_token" };
    expectProblem(await post(LOGOUT, hinted), 422, "validation_failed");
  });

  it("is harmless when repeated [OP-7, SE-7]", async () => {
    const { accessToken, refreshToken } = await loggedIn();
    for (let time = 0; time < 2; time++) {
      expect((await post(LOGOUT, {}, { bearer: accessToken })).status).toBe(204);
      expect((await post(LOGOUT, { refresh_token: refreshToken })).status).toBe(204);
    }
  });

  it("ends this session alone", async () => {
    const person = await registered();
    const [here, there] = [await logIn(person), await logIn(person)];
    await post(LOGOUT, { all: false }, { bearer: here.accessToken });
    expect((await readMe(there.accessToken)).status).toBe(200);
  });

  it("ends every session with all [SE-8]", async () => {
    const person = await registered();
    const sessions = [await logIn(person), await logIn(person), await logIn(person)];
    expect((await post(LOGOUT, { all: true }, { bearer: sessions[0]?.accessToken })).status).toBe(204);
    for (const { accessToken, refreshToken } of sessions) {
      await expectEnded({ accessToken, refreshToken });
    }
  });

  it("ends no other session for a token whose own session has ended", async () => {
    const person = await registered();
    const [ended, living] = [await logIn(person), await logIn(person)];
    await post(LOGOUT, undefined, { bearer: ended.accessToken });
    const byAccess = await post(LOGOUT, { all: true }, { bearer: ended.accessToken });
    expectProblem(byAccess, 401, "invalid_access_token");
    expectProblem(await post(LOGOUT, { all: true, refresh_token: ended.refreshToken }), 401, "invalid_refresh_token");
    expect((await readMe(living.accessToken)).status).toBe(200);
  });

  it("ends all with the previous refresh token within the grace period, but its own session alone after it", async () => {
    const person = await registered();
    const [first, second, third] = [await logIn(person), await logIn(person), await logIn(person)];
    await refresh(first.refreshToken);
    vi.setSystemTime(Date.now() + 31_000);
    const stale = await post(LOGOUT, { all: true, refresh_token: first.refreshToken });
    expectProblem(stale, 401, "invalid_refresh_token");
    expectProblem(await readMe(first.accessToken), 401, "invalid_access_token");
    expect((await readMe(third.accessToken)).status).toBe(200);

    await refresh(second.refreshToken);
    expect((await post(LOGOUT, { all: true, refresh_token: second.refreshToken })).status).toBe(204);
    expectProblem(await readMe(third.accessToken), 401, "invalid_access_token");
  });

  it("refuses who shows nothing, and who shows something that is not ours", async () => {
    expectProblem(await post(LOGOUT), 401, "unauthorized");
    expectProblem(await post(LOGOUT, undefined, { bearer: "not-a-token" }), 401, "invalid_access_token");
    expectProblem(await post(LOGOUT, { refresh_token: "prt_nothing" }), 401, "invalid_refresh_token");
  });
});
