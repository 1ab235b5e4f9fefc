import { runInDurableObject } from "cloudflare:test";
import { env, waitUntil } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../src/config/config.ts";
import { runCronTasks } from "../src/cron-tasks.ts";
import { runCall } from "../src/features/rpc/run-call.ts";
import type { LoginGuard } from "../src/limits/login-guard-object.ts";
import { createErrorReports } from "../src/platform/error-reports.ts";
import { configureLog, describeError, writeLog } from "../src/platform/log.ts";
import { systemRandom } from "../src/platform/random.ts";
import { extend } from "../src/platform/records.ts";
import { withoutValues } from "../src/platform/without-values.ts";
import { logSettingsOf } from "../src/services.ts";
import { appWith, get, post } from "./support/client.ts";
import { eventually } from "./support/eventually.ts";
import { recordLogs } from "./support/logs.ts";
import { loggedIn } from "./support/people.ts";
import { coldIsolate } from "./support/services.ts";

const SENTRY = { SENTRY_DSN: "https://0123abcd@errors.example/prefix/42", SENTRY_ENVIRONMENT: "staging" };
const ENDPOINT = "https://errors.example/prefix/api/42/envelope/?sentry_key=0123abcd&sentry_version=7";

interface Sent {
  url: string;
  headers: Headers;
  text: string;
  lines: Record<string, unknown>[];
}

/** What the service has sent to Sentry, which is mocked. */
let sent: Sent[] = [];
let answer: () => Promise<Response>;

beforeEach(() => {
  sent = [];
  answer = async () => Response.json({ id: "x" });
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const text = String(init?.body);
    const lines = text.split("\n").map((line) => JSON.parse(line));
    sent.push({ url: String(input), headers: new Headers(init?.headers), text, lines });
    return answer();
  });
  configureLog(logSettingsOf(parseConfig({ ...env, ...SENTRY }), waitUntil));
});
afterEach(() => configureLog(logSettingsOf(parseConfig(env), waitUntil)));

const events = () => sent.map(({ lines }) => lines[2]);
const broken = { getByName: () => fail("no such object") } as unknown as typeof env.USER_SESSIONS;

describe("an error", () => {
  it("of a request is sent to the endpoint of the DSN, in the envelope that Sentry reads", async () => {
    const person = await loggedIn();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    const headers = { traceparent, "User-Agent": "a telling browser", Cookie: "a=telling-cookie-value" };
    const path = "/api/v1/users/me?a=telling-query";
    const response = await get(path, { bearer: person.accessToken, headers }, appWith({}, { USER_SESSIONS: broken }));
    expect(response.status).toBe(503);
    const [{ url, headers: sentHeaders, lines, text }] = sent as [Sent];
    expect(url).toBe(ENDPOINT);
    expect(sentHeaders.get("Content-Type")).toBe("application/x-sentry-envelope");
    const [head, item, event] = lines;
    expect(head).toEqual({ event_id: event?.event_id, sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
    expect(item).toMatchObject({ type: "event" });
    expect(event).toEqual({
      event_id: expect.stringMatching(/^[\da-f]{32}$/),
      timestamp: expect.any(Number),
      level: "error",
      logger: "postern",
      platform: "other",
      sdk: { name: "postern", version: "0.1.0", settings: { infer_ip: "never" } },
      environment: "staging",
      release: "postern@0.1.0",
      transaction: "GET /api/v1/users/me",
      exception: {
        values: [{ type: "failure", value: "StorageUnavailable < Error: no such object" }],
      },
      fingerprint: ["failure", "/api/v1/users/me", "StorageUnavailable < Error: no such object"],
      contexts: { trace: { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: expect.any(String) } },
      tags: {
        request_id: response.headers.get("X-Request-Id"),
        method: "GET",
        route: "/api/v1/users/me",
        status: 503,
        error_code: "unavailable",
      },
      extra: { left_out_before: 0 },
    });
    for (const personal of ["telling", person.email, person.userId, person.accessToken, "2001:db8"])
      expect(text, personal).not.toContain(personal);
  });

  it("with a message full of secrets is sent without any of them", () => {
    const password = "correct horse battery staple";
    const told = [
      "ada@example.com",
      "ada_lovelace",
      "192.0.2.7",
      "+442079460000",
      "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
    ];
    const tokens = [
      "prt_AQGiJKLyLnmKtzpVdsPt5doBoiSi8k98v5wAfRz",
      "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    ];
    const passwords = [`password ${password}`, `{"password":"${password}"}`, `user_password=${password}`];
    for (const value of [...told, ...tokens, ...passwords, `https://a.example/?token=${password}`]) {
      const error = new Error("outer", { cause: new TypeError(`Row of ${value} is locked`) });
      const kind = "abcdefghijk"[sent.length];
      writeLog("error", { event: "something", task: kind, error: describeError(error) });
    }
    expect(sent).toHaveLength(11);
    const text = sent.map((one) => one.text).join("\n");
    expect(text).toContain("Error < TypeError: Row of … is locked");
    expect(text).not.toMatch(/ada@|lovelace|192\.0\.2|4420794|5d6e-7f80|prt_|AQGi|eyJ|correct|horse|battery|staple/);
  });

  it.each([
    ["of the cron job", "task_failed", async () => runCronTasks(withoutKeys()).catch(() => {})],
    [
      "in a user's object",
      "revocation_not_copied",
      async () => {
        const person = await loggedIn();
        await runInDurableObject(env.USER_SESSIONS.getByName(person.userId), (instance) => {
          // Fails only once, so that the retries send no reports during the next tests.
          const put = vi.fn(async () => {}).mockRejectedValueOnce(new Error("KV is out"));
          Object.assign(instance, { env: { REVOCATIONS: { put } } });
        });
        await post("/api/v1/auth/logout", {}, { bearer: person.accessToken });
      },
    ],
    [
      "of a call over RPC",
      "failure",
      async () => {
        const call = runCall("user", coldIsolate(), async () => fail("no such object"));
        await expect(call).rejects.toThrow("unavailable");
      },
    ],
    [
      "after the response",
      "limiter_not_told",
      async () => {
        const person = await loggedIn();
        const LOGIN_GUARD = { getByName: (name: string) => onlyTaking(env.LOGIN_GUARD.getByName(name)) };
        const send = appWith({}, { LOGIN_GUARD: LOGIN_GUARD as unknown as typeof env.LOGIN_GUARD });
        await post("/api/v1/auth/login", { email: person.email, password: person.password }, {}, send);
      },
    ],
  ])("%s is sent too", async (_, type, cause) => {
    await cause();
    await eventually(() =>
      expect(events()).toContainEqual(
        expect.objectContaining({ exception: { values: [{ type, value: expect.any(String) }] } }),
      ),
    );
  });

  it("is sent without the method that a client made up", () => {
    writeLog("error", { event: "failure", method: "ADA_LOVELACE", route: "/x" });
    expect(events()).toMatchObject([{ transaction: "/x" }]);
    expect(JSON.stringify(events())).not.toContain("ADA");
  });

  it("is neither sent nor prepared without SENTRY_DSN, and a warning never is", () => {
    writeLog("warn", { event: "something" });
    writeLog("info", { event: "something" });
    configureLog(logSettingsOf(parseConfig(env), waitUntil));
    writeLog("error", { event: "something" });
    expect(sent).toEqual([]);
  });
});

describe("Sentry that does not take an error", () => {
  it.each([
    ["answers 401", async () => new Response("no", { status: 401 }), "status_401"],
    ["redirects", async () => new Response(null, { status: 302, headers: { Location: "/elsewhere" } }), "status_302"],
    ["is out of reach", async () => fail("connection refused"), "unreachable"],
    ["never answers", async () => Promise.reject(new DOMException("", "TimeoutError")), "timeout"],
  ])("and %s fails no request, is a warning, and is left alone for a minute", async (_, says, reason) => {
    answer = says;
    const logs = recordLogs();
    const person = await loggedIn();
    const send = appWith({}, { USER_SESSIONS: broken });
    const ask = () => get("/api/v1/users/me", { bearer: person.accessToken }, send);
    expect((await ask()).status).toBe(503);
    const warnings = () => logs().filter(({ event }) => event === "error_report_failed");
    await eventually(() => expect(warnings()).toMatchObject([{ level: "warn", error_code: reason }]));
    await ask();
    expect(sent).toHaveLength(1);
  });

  it("is left alone for as long as it asks for, up to an hour", async () => {
    const { at, report } = clocked();
    const logs = recordLogs();
    const warnings = () => logs().filter(({ event }) => event === "error_report_failed");
    for (const [asked, minutes] of [
      ["120", 2],
      ["86400", 60],
      ["soon", 1],
    ] as const) {
      answer = async () => new Response("", { status: 429, headers: { "Retry-After": asked } });
      const before = sent.length;
      report("first");
      await eventually(() => expect(warnings()).toHaveLength(before + 1));
      at.now += minutes * 60_000 - 1_000;
      report("too early");
      expect(sent).toHaveLength(before + 1);
      at.now += 1_000;
    }
  });
});

describe("a storm of errors", () => {
  it("sends a few of each kind a minute, all kinds within a budget, and counts the others", () => {
    const { at, report } = clocked();
    for (let times = 0; times < 1_000; times++) report("the same");
    expect(sent).toHaveLength(3);
    for (let kind = 0; kind < 100; kind++)
      report(`kind ${"abcdefghij"[kind % 10]}${"abcdefghij"[Math.floor(kind / 10)]}`);
    expect(sent).toHaveLength(20);
    at.now += 60_000;
    report("the same");
    expect(sent).toHaveLength(21);
    const counted = events().map((event) => Object(event?.extra).left_out_before);
    expect(counted).toEqual([0, 0, 0, 997, ...Array(16).fill(0), 83]);
  });

  it("throws nothing where nothing can be sent", () => {
    const outside = () => fail("no request");
    const project = { envelopeUrl: ENDPOINT, environment: "x", release: "postern@1" };
    const report = createErrorReports(project, { clock: { now: () => 1 }, random: { bytes: outside }, waitUntil });
    expect(() => report(lineOf("failure"))).not.toThrow();
  });
});

describe("withoutValues", () => {
  it.each([
    ["D1_ERROR: no such column: SQLITE_ERROR", "D1_ERROR: no such column: SQLITE_ERROR"],
    ["MailNotDelivered: smtp_rejected_550", "MailNotDelivered: smtp_rejected_550"],
    [
      "TypeError: Cannot read properties of undefined (reading …)",
      "TypeError: Cannot read properties of undefined (reading …)",
    ],
    ["Error: KV PUT failed: 429 Too Many Requests", "Error: KV PUT failed: 429 Too Many Requests"],
    ["UNIQUE failed: users.email ada@example.com", "UNIQUE failed: … …"],
    ["for ada_lovelace at 2001:db8::1 and https://a.example/?x=y z", "for … at … and … z"],
    ["Bearer abc correct horse", "Bearer …"],
    ["", ""],
  ])("turns %j into %j", (text, left) => {
    expect(withoutValues(text)).toBe(left);
  });
});

function lineOf(event: string) {
  return { event, request_id: undefined, trace_id: undefined, span_id: undefined };
}

/** Error reports, with a clock that the test controls. */
function clocked() {
  const at = { now: 1_000_000 };
  const project = { envelopeUrl: ENDPOINT, environment: "x", release: "postern@1" };
  const parts = { clock: { now: () => at.now }, random: systemRandom, waitUntil };
  const reports = createErrorReports(project, parts);
  return { at, report: (event: string) => reports(lineOf(event)) };
}

function withoutKeys() {
  const services = coldIsolate();
  return extend(services, { keyring: { ...services.keyring, rotate: async () => fail("no such table") } });
}

/** A guard that counts guesses, but fails when a login is reported to it. */
function onlyTaking(guard: DurableObjectStub<LoginGuard>) {
  const take: LoginGuard["take"] = async (...attempt) => guard.take(...attempt);
  return { take, recordLogin: () => Promise.reject(new Error("no such object")) };
}

function fail(message: string): never {
  throw new Error(message);
}
