import { describe, expect, it, vi } from "vitest";
import { readMe } from "../support/account.ts";
import { type Answer, appWith, deployedAt, expectProblem, ORIGIN, post } from "../support/client.ts";
import { logIn, registered } from "../support/people.ts";

const APP = "https://app.example.com";
const NAME = "postern_refresh";
const send = appWith({ ALLOWED_ORIGINS: `${APP}, https://other.example.com` });
const from = (Origin: string, cookie?: string) => ({
  headers: { Origin, ...(cookie === undefined ? {} : { Cookie: `${NAME}=${cookie}` }) },
});

function cookieOf(answer: Answer): string {
  return new RegExp(`${NAME}=([^;]*)`).exec(answer.headers.get("Set-Cookie") ?? "")?.[1] ?? "";
}

async function signedIn(origin = APP) {
  const person = await registered();
  const body = { email: person.email, password: person.password, cookie: true };
  const answer = await post("/api/v1/auth/login", body, from(origin), send);
  expect(answer.status).toBe(200);
  return { person, answer, cookie: cookieOf(answer) };
}

describe("cookie mode", () => {
  it("keeps the refresh token in an HttpOnly cookie that only the auth routes see, and out of the JSON [SE-11]", async () => {
    const { answer, cookie } = await signedIn();
    expect(answer.json).not.toHaveProperty("refresh_token");
    expect(answer.text).not.toContain(cookie);
    const setCookie = answer.headers.get("Set-Cookie") ?? "";
    expect(setCookie).toMatch(
      /^postern_refresh=prt_[\w-]+; Max-Age=604(800|799); Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/,
    );
    expect(setCookie).not.toContain("Domain");
  });

  it("refreshes from the cookie and sets the next one", async () => {
    const { cookie } = await signedIn();
    const answer = await post("/api/v1/auth/refresh", undefined, from(APP, cookie), send);
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("refresh_token");
    expect(cookieOf(answer)).toMatch(/^prt_/);
    expect(cookieOf(answer)).not.toBe(cookie);
    const headers = { ...from(APP, cookieOf(answer)).headers, "Content-Type": "application/json" };
    expect((await post("/api/v1/auth/refresh", "", { headers }, send)).status).toBe(200);
  });

  it("answers a restore without a session with 204 instead of an error, and clears the cookie of an ended session", async () => {
    const restore = (cookie?: string, origin = APP) =>
      post("/api/v1/auth/refresh", { restore: true }, cookie === undefined ? {} : from(origin, cookie), send);
    const none = await restore();
    expect([none.status, none.text, none.headers.get("Set-Cookie")]).toEqual([204, "", null]);

    const { answer, cookie } = await signedIn();
    const restored = await restore(cookie);
    expect([restored.status, restored.json.session_id]).toEqual([200, answer.json.session_id]);
    expectProblem(await restore(cookie, "https://evil.example"), 403, "origin_not_allowed");

    const bearer = String(answer.json.access_token);
    expect((await post("/api/v1/auth/logout", {}, { bearer }, send)).status).toBe(204);
    const ended = await restore(cookieOf(restored));
    expect([ended.status, ended.headers.get("Set-Cookie")]).toEqual([
      204,
      expect.stringContaining(`${NAME}=; Max-Age=0`),
    ]);
    expectProblem(await post("/api/v1/auth/refresh", { restore: false }, {}, send), 401, "invalid_refresh_token");
  });

  it("takes requests from this service's own pages too", async () => {
    const { cookie } = await signedIn(ORIGIN);
    expect((await post("/api/v1/auth/refresh", {}, from(ORIGIN, cookie), send)).status).toBe(200);
  });

  it.each(["https://evil.example", "null", "https://app.example.com.evil.example"])(
    "refuses a cookie that comes from %s, and nothing happens [SE-11]",
    async (origin) => {
      const { cookie } = await signedIn();
      for (const path of ["/api/v1/auth/refresh", "/api/v1/auth/logout"]) {
        expectProblem(await post(path, {}, from(origin, cookie), send), 403, "origin_not_allowed");
        const withoutOrigin = await post(path, {}, { headers: { Cookie: `${NAME}=${cookie}` } }, send);
        expectProblem(withoutOrigin, 403, "origin_not_allowed");
      }
      expect((await post("/api/v1/auth/refresh", {}, from(APP, cookie), send)).status).toBe(200);
    },
  );

  it("compares the whole origin: one that only begins like this service's own is foreign", async () => {
    const own = "https://auth.example.com";
    const deployed = deployedAt(own);
    const headers = { Cookie: `__Secure-${NAME}=prt_not-a-token` };
    const refreshFrom = (Origin: string) =>
      post(`${own}/api/v1/auth/refresh`, {}, { headers: { ...headers, Origin } }, deployed);
    expectProblem(await refreshFrom(own), 401, "invalid_refresh_token");
    for (const foreign of [
      `${own}.evil.example`,
      `${own}:8443`,
      "http://auth.example.com",
      "https://auth.example.co",
    ]) {
      expectProblem(await refreshFrom(foreign), 403, "origin_not_allowed");
    }
  });

  it("does not let a foreign page sign a browser in [SE-11]", async () => {
    const person = await registered();
    const body = { email: person.email, password: person.password, cookie: true };
    for (const headers of [
      { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
      { Origin: "null", "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "cross-site" },
      { Origin: "https://evil.example" },
    ]) {
      expectProblem(await post("/api/v1/auth/login", body, { headers }, send), 403, "origin_not_allowed");
    }
  });

  it("logs out by the cookie and clears it", async () => {
    const { answer, cookie } = await signedIn();
    const out = await post("/api/v1/auth/logout", undefined, from(APP, cookie), send);
    expect(out.status).toBe(204);
    expect(out.headers.get("Set-Cookie")).toMatch(new RegExp(`^${NAME}=; Max-Age=0; Path=/api/v1/auth;`));
    expectProblem(await readMe(answer.json.access_token), 401, "invalid_access_token");
  });

  it("logs out by the cookie where the access token has expired, and never takes the cookie for nothing", async () => {
    const { answer, cookie } = await signedIn();
    const bearer: string = answer.json.access_token;
    vi.setSystemTime(Date.now() + 40 * 60_000);
    const foreign = await post("/api/v1/auth/logout", {}, { ...from("https://evil.example", cookie), bearer }, send);
    expectProblem(foreign, 401, "invalid_access_token");
    expect(foreign.headers.get("Set-Cookie")).toBeNull();
    const own = await post("/api/v1/auth/logout", {}, { ...from(APP, cookie), bearer }, send);
    expect(own.status).toBe(204);
    expect(own.headers.get("Set-Cookie")).toContain("Max-Age=0");
    const ended = await post("/api/v1/auth/refresh", undefined, from(APP, cookie), send);
    expectProblem(ended, 401, "invalid_refresh_token");
  });

  it("ends the session of the access token and that of the cookie, where they are two", async () => {
    const { person, cookie } = await signedIn();
    const other = await logIn(person);
    const out = await post("/api/v1/auth/logout", {}, { ...from(APP, cookie), bearer: other.accessToken }, send);
    expect(out.status).toBe(204);
    expect(out.headers.get("Set-Cookie")).toContain("Max-Age=0");
    expectProblem(await readMe(other.accessToken), 401, "invalid_access_token");
    const ended = await post("/api/v1/auth/refresh", undefined, from(APP, cookie), send);
    expectProblem(ended, 401, "invalid_refresh_token");
  });

  it("ends every session by the cookie where that of the access token has ended", async () => {
    const { person, answer, cookie } = await signedIn();
    const [dead, alive] = [await logIn(person), await logIn(person)];
    await post("/api/v1/auth/logout", {}, { bearer: dead.accessToken });
    const out = await post(
      "/api/v1/auth/logout",
      { all: true },
      { ...from(APP, cookie), bearer: dead.accessToken },
      send,
    );
    expect(out.status).toBe(204);
    for (const bearer of [alive.accessToken, answer.json.access_token]) {
      expectProblem(await readMe(bearer), 401, "invalid_access_token");
    }
  });

  it("with all, also logs out the cookie's session if it belongs to another user, but no other session of theirs", async () => {
    const { person, answer, cookie } = await signedIn();
    const untouched = await logIn(person);
    const other = await logIn(await registered());
    const options = { ...from(APP, cookie), bearer: other.accessToken };
    const out = await post("/api/v1/auth/logout", { all: true }, options, send);
    expect([out.status, out.headers.get("Set-Cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")]);
    for (const bearer of [other.accessToken, answer.json.access_token]) {
      expectProblem(await readMe(bearer), 401, "invalid_access_token");
    }
    expect((await readMe(untouched.accessToken)).status).toBe(200);
  });

  it("clears the cookie when its session has ended", async () => {
    const { cookie } = await signedIn();
    await post("/api/v1/auth/refresh", undefined, from(APP, cookie), send);
    vi.setSystemTime(Date.now() + 31_000);
    const answer = await post("/api/v1/auth/refresh", undefined, from(APP, cookie), send);
    expectProblem(answer, 401, "refresh_token_reused");
    expect(answer.headers.get("Set-Cookie")).toContain("Max-Age=0");
  });

  it("prefers a token in the body, which no foreign page can know, and answers in kind", async () => {
    const { cookie } = await signedIn();
    const bearer = await logIn(await registered());
    const answer = await post(
      "/api/v1/auth/refresh",
      { refresh_token: bearer.refreshToken },
      from("https://evil.example", cookie),
      send,
    );
    expect(answer.json.session_id).toBe(bearer.sessionId);
    expect(answer.json.refresh_token).toMatch(/^prt_/);
    expect(answer.headers.get("Set-Cookie")).toBeNull();
  });

  it("takes SameSite from the configuration, for apps on another site", async () => {
    const person = await registered();
    const body = { email: person.email, password: person.password, cookie: true };
    const lax = appWith({ COOKIE_SAME_SITE: "none" });
    const answer = await post("/api/v1/auth/login", body, from(ORIGIN), lax);
    expect(answer.headers.get("Set-Cookie")).toMatch(/SameSite=None$/);
  });
});
