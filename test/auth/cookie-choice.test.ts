/** Which cookie the service sets, by its own address, and which one it uses if a request has several of one name. */
import { describe, expect, it } from "vitest";
import { type Answer, appWith, deployedAt, expectProblem, get, ORIGIN, post, theWorker } from "../support/client.ts";
import { registered } from "../support/people.ts";

const SECURE = "__Secure-postern_refresh";
const LOCAL = "postern_refresh";
const LOGIN = "/api/v1/auth/login";
const REFRESH = "/api/v1/auth/refresh";
const LOGOUT = "/api/v1/auth/logout";
const CHECK = "/api/v1/auth/check-cookie";

type Send = typeof theWorker;

const withCookies = (...values: string[]) => ({
  headers: { Origin: ORIGIN, Cookie: values.map((value) => `${LOCAL}=${value}`).join("; ") },
});
const tokenIn = (answer: Answer) => /refresh=(prt_[\w-]+)/.exec(answer.headers.get("Set-Cookie") ?? "")?.[1] ?? "";

async function logInByCookie(send: Send = theWorker, origin = ORIGIN, person = registered()) {
  const { email, password } = await person;
  const body = { email, password, cookie: true };
  const answer = await post(`${origin}${LOGIN}`, body, { headers: { Origin: origin } }, send);
  expect(answer.status).toBe(200);
  return { answer, cookie: tokenIn(answer), bearer: String(answer.json.access_token) };
}

describe("the name of the cookie", () => {
  it.each(["http://localhost:8787", "http://localhost", "http://127.0.0.1:9605", "http://[::1]:3000"])(
    "is one that WebKit keeps, without Secure, where PUBLIC_URL is %s",
    async (url) => {
      const { answer } = await logInByCookie(appWith({ PUBLIC_URL: url }));
      expect(answer.headers.get("Set-Cookie")).toMatch(
        /^postern_refresh=prt_[\w-]+; Max-Age=\d+; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/,
      );
    },
  );

  it("has the prefix that binds it to https everywhere else [SE-11]", async () => {
    const { answer } = await logInByCookie(appWith({ PUBLIC_URL: "https://localhost:8787" }));
    expect(answer.headers.get("Set-Cookie")).toMatch(
      /^__Secure-postern_refresh=prt_[\w-]+; Max-Age=\d+; Path=\/api\/v1\/auth; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  it("has it with COOKIE_SAME_SITE=none too, which browsers keep only together with Secure", async () => {
    const { answer } = await logInByCookie(appWith({ COOKIE_SAME_SITE: "none" }));
    expect(answer.headers.get("Set-Cookie")).toMatch(/^__Secure-postern_refresh=.*; Secure; SameSite=None$/);
  });

  it("is never taken for the other one: over https, a cookie that http could set counts for nothing", async () => {
    const send = appWith({ PUBLIC_URL: "https://localhost:8787" });
    const { cookie } = await logInByCookie(send);
    const from = (name: string) => ({ headers: { Origin: ORIGIN, Cookie: `${name}=${cookie}` } });
    expectProblem(await post(REFRESH, undefined, from(LOCAL), send), 401, "invalid_refresh_token");
    expect((await post(REFRESH, undefined, from(SECURE), send)).status).toBe(200);
  });

  it("does not matter at a log-out in development, which clears both", async () => {
    const { cookie } = await logInByCookie();
    const cleared = (await post(LOGOUT, undefined, withCookies(cookie))).headers.getSetCookie();
    expect(cleared).toEqual([
      `${LOCAL}=; Max-Age=0; Path=/api/v1/auth; HttpOnly; SameSite=Strict`,
      `${SECURE}=; Max-Age=0; Path=/api/v1/auth; HttpOnly; Secure; SameSite=Strict`,
    ]);
  });
});

describe("of several cookies with the name of ours", () => {
  it.each([
    ["an empty one", [""]],
    ["another app's", ["another-apps-session"]],
    ["one with signs of all kinds", ['"a=b"', "%E0%A4%A", "==", "prt_", "prt_AAAA"]],
    ["many", Array.from({ length: 40 }, (_, index) => `app-${index}`)],
  ])("the one that this service made counts, behind %s and in front of it", async (_, others) => {
    for (const order of [(own: string) => [...others, own], (own: string) => [own, ...others]]) {
      const { cookie } = await logInByCookie();
      expect((await post(CHECK, undefined, withCookies(...order(cookie)))).status).toBe(204);
      const refreshed = await post(REFRESH, undefined, withCookies(...order(cookie)));
      expect(refreshed.status).toBe(200);
      const next = tokenIn(refreshed);
      expect((await post(LOGOUT, undefined, withCookies(...order(next)))).status).toBe(204);
      expectProblem(await post(REFRESH, undefined, withCookies(next)), 401, "invalid_refresh_token");
    }
  });

  it("the one whose session lives counts, behind one whose session has ended", async () => {
    const [ended, current] = [await logInByCookie(), await logInByCookie()];
    expect((await post(LOGOUT, undefined, withCookies(ended.cookie))).status).toBe(204);
    const refreshed = await post(REFRESH, undefined, withCookies(ended.cookie, current.cookie));
    expect(refreshed.json.session_id).toBe(current.answer.json.session_id);
    const out = await post(LOGOUT, undefined, withCookies(ended.cookie, tokenIn(refreshed)));
    expect(out.status).toBe(204);
    expectProblem(await get("/api/v1/users/me", { bearer: current.bearer }), 401, "invalid_access_token");
  });

  it("four are tried at most, so that one request cannot call storage a hundred times", async () => {
    const ended = await Promise.all(Array.from({ length: 4 }, () => logInByCookie()));
    for (const { cookie } of ended) await post(LOGOUT, undefined, withCookies(cookie));
    const { cookie } = await logInByCookie();
    const crowd = withCookies(...ended.map((one) => one.cookie), cookie);
    expectProblem(await post(REFRESH, undefined, crowd), 401, "invalid_refresh_token");
  });

  it("all are found where a proxy sends several Cookie headers", async () => {
    const { cookie } = await logInByCookie();
    const headers = { Origin: ORIGIN, Cookie: `theme=dark, ${LOCAL}=, a; ${LOCAL}=${cookie}` };
    expect((await post(REFRESH, undefined, { headers })).status).toBe(200);
  });

  it("ours is found in quotation marks too, which some HTTP libraries put around every value", async () => {
    const { cookie } = await logInByCookie();
    expect((await post(CHECK, undefined, withCookies('""', `"${cookie}"`))).status).toBe(204);
    expect((await post(REFRESH, undefined, withCookies(`"${cookie}"`))).status).toBe(200);
  });

  it("none is found by a name that only resembles ours", async () => {
    const { cookie } = await logInByCookie();
    for (const name of [`x${LOCAL}`, `${LOCAL}2`, "Postern_Refresh", SECURE]) {
      const headers = { Origin: ORIGIN, Cookie: `${name}=${cookie}` };
      expectProblem(await post(CHECK, undefined, { headers }), 401, "invalid_refresh_token");
    }
  });

  it("none counts from a page of another origin, and where none is ours the answer says so [SE-11]", async () => {
    const { cookie } = await logInByCookie();
    const foreign = { headers: { ...withCookies("", cookie).headers, Origin: "https://evil.example" } };
    for (const path of [REFRESH, LOGOUT, CHECK]) {
      expectProblem(await post(path, undefined, foreign), 403, "origin_not_allowed");
      expectProblem(await post(path, undefined, withCookies("", "theirs")), 401, "invalid_refresh_token");
    }
    expect((await post(REFRESH, undefined, withCookies(cookie))).status).toBe(200);
  });
});

describe("the check of the cookie", () => {
  it("touches no storage, changes nothing, and finds no cookie where the browser refused it", async () => {
    const { cookie } = await logInByCookie();
    for (let turn = 0; turn < 2; turn++) {
      const answer = await post(CHECK, {}, withCookies(cookie));
      expect([answer.status, answer.headers.get("Set-Cookie")]).toEqual([204, null]);
      expect(answer.headers.get("Server-Timing") ?? "").not.toMatch(/d1|sessions|limiter|kv/);
    }
    expectProblem(await post(CHECK, {}, { headers: { Origin: ORIGIN } }), 401, "invalid_refresh_token");
    expect((await post(REFRESH, undefined, withCookies(cookie))).status).toBe(200);
  });
});

describe("a page of this service on another host than PUBLIC_URL", () => {
  it.each([
    ["http://localhost:8787", "http://127.0.0.1:8787"],
    ["http://localhost:8787", "http://[::1]:8787"],
    ["http://127.0.0.1:8787", "http://localhost:8787"],
    ["http://localhost:8787", "http://localhost:9605"],
    ["https://localhost:8787", "http://localhost:8787"],
  ])("logs in, refreshes and logs out, with %s at %s", async (url, origin) => {
    const send = appWith({ PUBLIC_URL: url });
    const page = await get(`${origin}/login?lang=de&return_to=/account`, {}, send);
    expect([page.status, page.headers.get("Location")]).toEqual([200, null]);
    const { answer, cookie } = await logInByCookie(send, origin);
    const [name = ""] = (answer.headers.get("Set-Cookie") ?? "").split("=");
    const at = (value: string, from = origin) => ({ headers: { Origin: from, Cookie: `${name}=${value}` } });
    const refreshed = await post(`${origin}${REFRESH}`, undefined, at(cookie), send);
    expect(refreshed.status).toBe(200);
    // Pages at PUBLIC_URL may call the service on its other hosts too.
    const again = await post(`${origin}${REFRESH}`, undefined, at(tokenIn(refreshed), new URL(url).origin), send);
    expect(again.status).toBe(200);
    const out = await post(`${origin}${LOGOUT}`, undefined, at(tokenIn(again)), send);
    expect(out.status).toBe(204);
  });

  it("does so on workers.dev beside a custom domain, and the custom domain trusts no page of workers.dev", async () => {
    const custom = "https://auth.example.com";
    const worker = "https://postern.me.workers.dev";
    const send = deployedAt(custom);
    const from = (Origin: string) => ({ headers: { Origin, Cookie: `${SECURE}=prt_none` } });
    const at = (host: string, origin: string) => post(`${host}${REFRESH}`, undefined, from(origin), send);
    expectProblem(await at(worker, worker), 401, "invalid_refresh_token");
    expectProblem(await at(worker, custom), 401, "invalid_refresh_token");
    expectProblem(await at(custom, custom), 401, "invalid_refresh_token");
    for (const foreign of [worker, "http://auth.example.com", `${custom}:8443`, "https://evil.workers.dev", "null"]) {
      expectProblem(await at(custom, foreign), 403, "origin_not_allowed");
    }
    for (const path of ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/login?lang=en"]) {
      expect((await get(`${worker}${path}`, {}, send)).status, path).toBe(200);
    }
  });
});
