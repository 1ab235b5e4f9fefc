import { describe, expect, it } from "vitest";
import { type Answer, appWith, call, expectProblem, get, ORIGIN, post } from "../support/client.ts";
import { operations } from "../support/openapi.ts";
import { loggedIn, registered } from "../support/people.ts";

const APP = "https://app.example.com";
const ID = "00000000-0000-7000-8000-000000000000";
const send = appWith({ ALLOWED_ORIGINS: APP, COOKIE_SAME_SITE: "none" });
const pathOf = (path: string) => path.replace("{name}", "loginPerAddress").replaceAll(/\{\w+\}/g, ID);
const routes = operations.map(({ method, path }) => [method.toUpperCase(), pathOf(path)] as const);
const guarded = routes.filter(([, path]) => /^\/(api|dev)\//.test(path));
const open = routes.filter(([, path]) => !/^\/(api|dev)\//.test(path));

const browser = (site: string, Origin?: string, more: Record<string, string> = {}) => ({
  headers: { "Sec-Fetch-Site": site, ...(Origin === undefined ? {} : { Origin }), ...more },
});

const isForeign = ({ status, json }: Answer) => status === 403 && json?.code === "origin_not_allowed";

describe("what a browser says comes from a page of another origin", () => {
  it("is told from the rest: there is something of each", () => {
    expect(guarded.length).toBeGreaterThan(25);
    expect(open.length).toBeGreaterThan(7);
  });

  it.each(guarded)("is refused by %s %s before anything else, even with a token", async (method, path) => {
    const { accessToken: bearer } = await person;
    for (const site of ["cross-site", "same-site"]) {
      for (const origin of [undefined, "https://evil.example", "null", `${APP}.evil.example`]) {
        const answer = await call(method, path, { ...browser(site, origin), bearer }, send);
        expectProblem(answer, 403, "origin_not_allowed");
        expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
    if (method === "GET") expect((await call("HEAD", path, browser("cross-site"), send)).status).toBe(403);
  });

  it.each(guarded)(
    "is let through to %s %s where it is a listed origin, or the service's own",
    async (method, path) => {
      for (const [site, origin] of [
        ["cross-site", APP],
        ["same-site", APP],
        ["cross-site", ORIGIN],
        ["same-origin", ORIGIN],
        ["same-origin", undefined],
        ["none", undefined],
      ] as const) {
        const answer = await call(method, path, browser(site, origin), send);
        expect(isForeign(answer), `${site} ${origin}`).toBe(false);
      }
    },
  );

  it.each(open)("may have %s %s, which holds nothing of anybody", async (method, path) => {
    const link = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    const answer = await call(method, path, browser("cross-site", undefined, link), send);
    expect([200, 302]).toContain(answer.status);
    const from = await call(method, path, browser("cross-site", "https://evil.example"), send);
    expect(from.status).toBe(answer.status);
  });

  it("may follow a link to the outbox, and do nothing else with it", async () => {
    const link = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    expect((await get("/dev/outbox", browser("cross-site", undefined, link), send)).status).toBe(200);
    for (const [mode, dest] of [
      ["navigate", "iframe"],
      ["navigate", "embed"],
      ["no-cors", "script"],
      ["no-cors", "document"],
      ["cors", "empty"],
    ] as const) {
      const other = { "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest };
      expectProblem(await get("/dev/outbox", browser("cross-site", undefined, other), send), 403, "origin_not_allowed");
    }
    expect((await get("/api/v1/users/me", browser("cross-site", undefined, link), send)).status).toBe(403);
  });

  it("gets its preflight answered: with leave where it is listed, without where it is not", async () => {
    const preflight = { "Access-Control-Request-Method": "POST" };
    const path = "/api/v1/auth/login";
    const listed = await call("OPTIONS", path, browser("cross-site", APP, preflight), send);
    expect([listed.status, listed.headers.get("Access-Control-Allow-Origin")]).toEqual([204, APP]);
    const other = await call("OPTIONS", path, browser("cross-site", "https://evil.example", preflight), send);
    expect([other.status, other.headers.get("Access-Control-Allow-Origin")]).toEqual([204, null]);
  });

  it("logs in, refreshes and logs out by cookie from a listed origin on another site", async () => {
    const { email, password } = await registered();
    const login = await post("/api/v1/auth/login", { email, password, cookie: true }, browser("cross-site", APP), send);
    expect(login.status).toBe(200);
    const cookie = (answer: Answer) => ({ Cookie: (answer.headers.get("Set-Cookie") ?? "").split(";")[0] ?? "" });
    const refreshed = await post("/api/v1/auth/refresh", undefined, browser("cross-site", APP, cookie(login)), send);
    expect(refreshed.status).toBe(200);
    const out = await post("/api/v1/auth/logout", undefined, browser("cross-site", APP, cookie(refreshed)), send);
    expect(out.status).toBe(204);
  });
});

describe("every operation", () => {
  it.each(routes)("%s %s carries the security headers on every response [HT-6]", async (method, path) => {
    // test/support/security-headers.ts checks the headers of every response in the tests.
    const { accessToken: bearer } = await person;
    const answers = [
      await call(method, path),
      await call(method, path, { bearer: "nonsense" }),
      await call(method, path, { headers: { Origin: "https://evil.example" } }),
      await call(method, path, { headers: { Origin: APP } }, send),
      await call("OPTIONS", path),
      await call("TRACE", path),
    ];
    if (method === "GET") {
      answers.push(await call("HEAD", path), await call("GET", path, { bearer }));
      const { headers } = await get(path);
      const etag = headers.get("ETag");
      if (etag !== null) answers.push(await get(path, { bearer, headers: { "If-None-Match": etag } }));
    } else {
      answers.push(await call(method, path, { body: "{", bearer: "nonsense" }));
    }
    for (const { status, text, headers } of answers) {
      expect(status).toBeLessThan(500);
      // JSON has no charset: it is always UTF-8 (RFC 8259 §8.1).
      const type = /^(application\/(problem\+)?json$|.*; charset=utf-8$)/i;
      if (text !== "") expect(headers.get("Content-Type")).toMatch(type);
    }
  });
});

const person = loggedIn();
