import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { reauthenticate as reauthenticateEndpoint } from "../../src/features/login/reauthenticate.ts";
import { extend } from "../../src/platform/records.ts";
import type { AuthenticationMethod } from "../../src/sessions/authentication.ts";
import { signRefreshToken, verifyRefreshToken } from "../../src/sessions/refresh-token.ts";
import { logOut, readMe, refresh } from "../support/account.ts";
import { type Answer, appWith, expectProblem, ORIGIN, post } from "../support/client.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;
const WRONG = "a wrong password, surely";
const NAME = "postern_refresh";
const { secrets, sessions } = coldIsolate();

const reauthenticate = ({ accessToken, password }: LoggedIn, headers: Record<string, string> = {}) =>
  post("/api/v1/auth/reauthenticate", { password }, { bearer: accessToken, headers });

const statedBy = (accessToken: string) => {
  const { amr, acr, auth_time = 0 } = decodeJwt<{ auth_time: number }>(accessToken);
  return { amr, acr, auth_time };
};

function cookieOf(answer: Answer): string | undefined {
  return new RegExp(`${NAME}=([^;]*)`).exec(answer.headers.get("Set-Cookie") ?? "")?.[1];
}

/** Reauthenticates a session with these methods, without HTTP. Returns the session's new refresh token. */
async function prove({ userId, sessionId }: LoggedIn, ...methods: AuthenticationMethod[]): Promise<string> {
  const renewed = await sessions.reauthenticate(userId, sessionId, methods, undefined);
  if (renewed === null || "outcome" in renewed) throw new Error("There is no such session.");
  return signRefreshToken({ userId, sessionId, generation: renewed.generation }, secrets);
}

describe("POST /api/v1/auth/reauthenticate", () => {
  it("gives a session tokens that say that its user was there just now [MF-7]", async () => {
    const person = await loggedIn();
    const begun = statedBy(person.accessToken);
    vi.setSystemTime(Date.now() + 20 * MINUTE);
    const { json, status } = await reauthenticate(person);
    expect(status).toBe(200);
    expect(json).toMatchObject({ session_id: person.sessionId, token_type: "Bearer", expires_in: 1800 });
    const { auth_time, ...stated } = statedBy(json.access_token);
    expect(stated).toEqual({ amr: ["pwd"], acr: "aal1" });
    expect(auth_time - begun.auth_time).toBeGreaterThanOrEqual(20 * 60);
    expect((await readMe(json.access_token)).status).toBe(200);

    vi.setSystemTime(Date.now() + 20 * MINUTE);
    expect(statedBy((await refresh(json.refresh_token)).json.access_token).auth_time).toBe(auth_time);
  });

  it("is recorded, with how the user proved who they are", async () => {
    const person = await loggedIn();
    await reauthenticate(person);
    const [event] = await eventsOf(person.userId, "reauthenticated");
    expect(event).toMatchObject({
      actor_id: person.userId,
      details: JSON.stringify({ session_id: person.sessionId, methods: "pwd" }),
    });
  });

  it("replaces the refresh token as a refresh does: the one before has the same successor for a moment", async () => {
    const person = await loggedIn();
    const { refresh_token } = (await reauthenticate(person)).json;
    expect((await refresh(person.refreshToken)).json.refresh_token).toBe(refresh_token);
    vi.setSystemTime(Date.now() + MINUTE);
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
  });

  it("refuses a wrong password with 403, after ten with 429, and changes nothing then", async () => {
    const person = await loggedIn();
    for (let guess = 0; guess < 10; guess++) {
      expectProblem(await reauthenticate({ ...person, password: WRONG }), 403, "wrong_password");
    }
    expectProblem(await reauthenticate(person), 429, "rate_limited");
    expect(statedBy((await refresh(person.refreshToken)).json.access_token)).toEqual(statedBy(person.accessToken));
  });

  it("refuses without a live session", async () => {
    const person = await loggedIn();
    expectProblem(await post("/api/v1/auth/reauthenticate", { password: person.password }), 401, "unauthorized");
    await logOut(person.accessToken);
    expectProblem(await reauthenticate(person), 401, "invalid_access_token");
  });

  it.each<[string, (person: LoggedIn) => Promise<unknown>]>([
    ["was logged out", ({ userId, sessionId }) => sessions.end(userId, sessionId)],
    [
      "got another password elsewhere",
      ({ userId }) => env.DB.prepare("UPDATE users SET session_epoch = 7 WHERE id = ?").bind(userId).run(),
    ],
    ["was suspended", ({ userId }) => env.DB.prepare("UPDATE users SET is_active = 0 WHERE id = ?").bind(userId).run()],
  ])("refuses if the user %s while the password was checked", async (_what, change) => {
    const person = await loggedIn();
    const services = coldIsolate();
    const passwords = {
      ...services.passwords,
      async check(...values: Parameters<typeof services.passwords.check>) {
        await change(person);
        return services.passwords.check(...values);
      },
    };
    const { accessToken: bearer, password } = person;
    const answer = await runEndpoint(reauthenticateEndpoint, extend(services, { passwords }), {
      body: { password },
      bearer,
    });
    expect(outcomeOf(answer)).toBe("invalid_access_token");
  });
});

describe("in cookie mode", () => {
  const cookie = (token: string | undefined) => ({ Cookie: `${NAME}=${token}`, Origin: ORIGIN });

  async function withCookie() {
    const person = await logIn(await registered(), { cookie: true }, { headers: { Origin: ORIGIN } });
    return { ...person, cookie: cookieOf(person.answer) };
  }

  it("the next refresh token travels only in the cookie", async () => {
    const person = await withCookie();
    const answer = await reauthenticate(person, cookie(person.cookie));
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("refresh_token");
    expect(verifyRefreshToken(cookieOf(answer) ?? "", secrets)).toMatchObject({ generation: 2 });
    const next = await post("/api/v1/auth/refresh", undefined, { headers: cookie(cookieOf(answer)) });
    expect(statedBy(next.json.access_token)).toEqual(statedBy(answer.json.access_token));
  });

  it("a cookie of another session stays as it is", async () => {
    const [person, other] = [await loggedIn(), await withCookie()];
    const answer = await reauthenticate(person, cookie(other.cookie));
    expect(answer.json).toHaveProperty("refresh_token");
    expect(answer.headers.has("Set-Cookie")).toBe(false);
  });

  it("a page of another origin is refused, and nothing happens", async () => {
    const person = await withCookie();
    const headers = { ...cookie(person.cookie), Origin: "https://evil.example" };
    expectProblem(await reauthenticate(person, headers), 403, "origin_not_allowed");
    const next = await post("/api/v1/auth/refresh", undefined, { headers: cookie(person.cookie) });
    expect(verifyRefreshToken(cookieOf(next) ?? "", secrets)).toMatchObject({ generation: 2 });
  });

  it("a refresh that was under way when the level rose does not take the newer cookie away", async () => {
    const person = await withCookie();
    await prove(person, "otp");
    const late = await post("/api/v1/auth/refresh", undefined, { headers: cookie(person.cookie) });
    expectProblem(late, 401, "refresh_token_superseded");
    expect(late.headers.has("Set-Cookie")).toBe(false);
  });
});

describe("a session whose level rises", () => {
  it("has tokens of the higher level from then on, also after its user proved a lower one again [MF-7]", async () => {
    const person = await loggedIn();
    const raised = await prove(person, "otp");
    const { access_token, refresh_token } = (await refresh(raised)).json;
    expect(statedBy(access_token)).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2" });
    const again = await reauthenticate({ ...person, accessToken: access_token });
    expect(statedBy(again.json.access_token)).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2" });
    // The level did not rise again. So, as after a refresh, the previous refresh token gets the same successor again.
    expect((await refresh(refresh_token)).json.refresh_token).toBe(again.json.refresh_token);
  });

  it("gives the refresh token of the lower level nothing, and ends if it comes later than a moment after", async () => {
    const person = await loggedIn();
    const raised = await prove(person, "hwk", "user", "mfa");
    for (let time = 0; time < 2; time++) {
      const late = await refresh(person.refreshToken);
      expectProblem(late, 401, "refresh_token_superseded");
      expect(late.text).not.toContain("access_token");
    }
    const next = await refresh(raised);
    expect(next.status).toBe(200);
    // The first token is now two generations behind the newest one, so it counts as reused, like any other old token.
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
    expectProblem(await refresh(next.json.refresh_token), 401, "invalid_refresh_token");
  });

  it("ends if the refresh token of the lower level comes after the grace period", async () => {
    const person = await loggedIn();
    const raised = await prove(person, "otp");
    vi.setSystemTime(Date.now() + MINUTE);
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
    expectProblem(await refresh(raised), 401, "invalid_refresh_token");
  });

  it("ends for a token from before the one that was superseded", async () => {
    const person = await loggedIn();
    const { json } = await refresh(person.refreshToken);
    await prove({ ...person, refreshToken: json.refresh_token }, "otp");
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
  });

  it("ends at once for such a token where no grace is configured", async () => {
    const person = await loggedIn();
    await prove(person, "otp");
    vi.setSystemTime(Date.now() + 1_000);
    const strict = appWith({ REFRESH_GRACE_SECONDS: "0" });
    expectProblem(await refresh(person.refreshToken, strict), 401, "refresh_token_reused");
  });
});
