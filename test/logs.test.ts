import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseConfig } from "../src/config/config.ts";
import { configureLog, LOG_LEVELS, writeLog } from "../src/platform/log.ts";
import { get, post } from "./support/client.ts";
import { recordLogs } from "./support/logs.ts";
import { loggedIn, logIn } from "./support/people.ts";

describe("the log", () => {
  it("has one line per request, of fixed fields alone", async () => {
    const { accessToken, userId } = await loggedIn();
    const logs = recordLogs();
    const answer = await get("/api/v1/users/me?token=in-the-query-by-mistake", { bearer: accessToken });
    const id = answer.headers.get("X-Request-Id");
    expect(logs().filter((line) => line.request_id === id)).toEqual([
      {
        level: "info",
        event: "request",
        request_id: id,
        trace_id: expect.any(String),
        span_id: expect.any(String),
        method: "GET",
        route: "/api/v1/users/me",
        status: 200,
        duration_ms: expect.any(Number),
        hops: 1,
        storage_calls: 2,
        user_id: userId,
      },
    ]);
  });

  it("says who logged in, and the code of what was refused", async () => {
    const person = await loggedIn();
    const logs = recordLogs();
    await logIn(person);
    await post("/api/v1/auth/login", { email: person.email, password: "a wrong password, surely" });
    await post("/api/v1/auth/login", { email: 7 });
    expect(logs().filter(({ event }) => event === "request")).toMatchObject([
      { route: "/api/v1/auth/login", status: 200, user_id: person.userId },
      { route: "/api/v1/auth/login", status: 401, error_code: "invalid_credentials" },
      { route: "/api/v1/auth/login", status: 422, error_code: "validation_failed" },
    ]);
  });

  it("names the route by its pattern and never by the address that was asked for", async () => {
    const logs = recordLogs();
    await get("/verify-email/a-secret-that-strayed-into-a-path?and=a-query");
    await get("/api/v1/auth/login");
    const text = JSON.stringify(logs());
    expect(text).not.toContain("strayed");
    expect(text).not.toContain("a-query");
    expect(logs()[0]).toMatchObject({ status: 404, error_code: "not_found" });
    expect(logs()[1]).toMatchObject({ status: 405, error_code: "method_not_allowed" });
  });

  it.each([
    ["info", ["error", "warn", "info"]],
    ["warn", ["error", "warn"]],
    ["error", ["error"]],
  ])("with LOG_LEVEL=%s has lines of the levels %j", (LOG_LEVEL, written) => {
    onTestFinished(() => configureLog(parseConfig(env).log));
    configureLog(parseConfig({ ...env, LOG_LEVEL }).log);
    const logs = recordLogs();
    for (const level of LOG_LEVELS) writeLog(level, { event: "something" });
    expect(logs().map(({ level }) => level)).toEqual(written);
  });

  it("cannot be forged by what a client sends", async () => {
    const logs = recordLogs();
    await get("/", { headers: { "X-Request-Id": 'x","level":"error","event":"forged' } });
    await post("/api/v1/auth/login", { email: 'a\n{"event":"forged"}', password: "x\u2028y" });
    for (const line of logs()) expect(line.event).toBe("request");
    expect(JSON.stringify(logs())).not.toContain("forged");
  });
});
