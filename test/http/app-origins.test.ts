import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { appWith, call, expectProblem, get, ORIGIN, post } from "../support/client.ts";
import { type LogLine, recordLogs } from "../support/logs.ts";
import { registered } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";
const ORIGINS = [
  "capacitor://localhost",
  "ionic://localhost",
  "tauri://localhost",
  "http://tauri.localhost",
  "app://.",
  "app://-",
  "app://bundle.example:8080",
  "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
  "moz-extension://5a4b3c2d-1e0f-4a5b-8c7d-6e5f4a3b2c1d",
  "safari-web-extension://5A4B3C2D-1E0F-4A5B-8C7D-6E5F4A3B2C1D",
];
const send = appWith({ ALLOWED_ORIGINS: ORIGINS.join(", "), COOKIE_SAME_SITE: "none" });
const crossSite = (Origin: string) => ({ Origin, "Sec-Fetch-Site": "cross-site" });
const preflight = (origin: string, headers = "content-type") => ({
  headers: {
    Origin: origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": headers,
  },
});
const allowedBy = (headers: Headers) => (headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase().split(/, */);

describe("ALLOWED_ORIGINS with origins of apps and extensions", () => {
  it.each(ORIGINS)("lets %s call the API, read the response and keep the cookie", async (origin) => {
    const before = await call("OPTIONS", LOGIN, preflight(origin), send);
    expect(before.status).toBe(204);
    expect(before.headers.get("Access-Control-Allow-Origin")).toBe(origin);
    expect(before.headers.get("Access-Control-Allow-Credentials")).toBe("true");

    const { email, password } = await registered();
    const options = { headers: crossSite(origin) };
    const login = await post(LOGIN, { email, password, cookie: true }, options, send);
    expect(login.status).toBe(200);
    expect(login.headers.get("Access-Control-Allow-Origin")).toBe(origin);
    expect(login.headers.get("Set-Cookie")).toContain("SameSite=None");
    const bearer = login.json.access_token;
    expect((await get("/api/v1/users/me", { ...options, bearer }, send)).status).toBe(200);
  });

  it.each([
    "capacitor://localhost.evil.example",
    "capacitor://localhost/",
    "capacitor://LOCALHOST",
    "capacitor://localhost:8080",
    "Capacitor://localhost",
    "http://localhost",
    "https://localhost",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnoq",
    "safari-web-extension://5a4b3c2d-1e0f-4a5b-8c7d-6e5f4a3b2c1d",
    "app://",
    "null",
  ])("keeps out %s, which is not exactly one of them", async (origin) => {
    const { headers } = await call("OPTIONS", LOGIN, preflight(origin), send);
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    const body = { email: "ada@example.com", password: "a wrong password, surely", cookie: true };
    expectProblem(await post(LOGIN, body, { headers: crossSite(origin) }, send), 403, "origin_not_allowed");
  });
});

describe("the preflight of a listed origin", () => {
  const origin = "https://app.example.com";
  const withList = (list?: string) =>
    appWith({ ALLOWED_ORIGINS: origin, ...(list === undefined ? {} : { ALLOWED_HEADERS: list }) });

  it("allows the headers that tracing tools add, beside those that the service reads", async () => {
    const asked = preflight(origin, "authorization, baggage, content-type, sentry-trace, traceparent, tracestate");
    const { headers } = await call("OPTIONS", LOGIN, asked, withList());
    expect(allowedBy(headers)).toEqual(
      expect.arrayContaining(["traceparent", "tracestate", "baggage", "sentry-trace", "authorization", "content-type"]),
    );
    expect(allowedBy(headers)).not.toContain("*");
  });

  it("allows the headers of ALLOWED_HEADERS instead, in any case, and no others", async () => {
    const asked = preflight(origin, "content-type, x-b3-traceid, x-datadog-origin, x-other");
    const { headers } = await call("OPTIONS", LOGIN, asked, withList(" X-B3-TraceId, x-datadog-origin,"));
    expect(allowedBy(headers)).toEqual(expect.arrayContaining(["x-b3-traceid", "x-datadog-origin", "content-type"]));
    for (const name of ["traceparent", "x-other"]) expect(allowedBy(headers)).not.toContain(name);
  });

  it("is not changed by what other origins ask for", async () => {
    const { headers } = await call("OPTIONS", LOGIN, preflight("https://evil.example", "traceparent"), withList());
    expect(headers.get("Access-Control-Allow-Headers")).toBeNull();
  });
});

describe("ALLOWED_HEADERS", () => {
  it("has a default, which an empty text does not change", () => {
    const base = { ENVIRONMENT: "development", AUTH_SECRET: "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr" };
    const usual = ["traceparent", "tracestate", "baggage", "sentry-trace"];
    expect(parseConfig({ ...base, ALLOWED_HEADERS: "" }).allowedHeaders).toEqual(usual);
  });
});

describe("an origin that ALLOWED_ORIGINS lacks", () => {
  const named = (logs: () => LogLine[]) =>
    logs().flatMap(({ event, level, origin }) => (event === "origin_not_allowed" ? [{ level, origin }] : []));

  it("is named in the log of development, once", async () => {
    const logs = recordLogs();
    const local = appWith({ ALLOWED_ORIGINS: "http://localhost:5173" });
    for (const origin of ["http://localhost:3000", "null", "http://localhost:3000", "http://localhost:5173", ORIGIN])
      for (const path of [LOGIN, "/", "/.well-known/jwks.json"]) await call("OPTIONS", path, preflight(origin), local);
    expect(named(logs)).toEqual([
      { level: "warn", origin: "http://localhost:3000" },
      { level: "warn", origin: "null" },
    ]);
  });

  it("fills neither the memory nor a line, however many there are", async () => {
    const logs = recordLogs();
    const local = appWith({});
    for (let at = 0; at < 120; at++) await call("OPTIONS", LOGIN, preflight(`http://${at}.${"a".repeat(300)}`), local);
    expect(named(logs)).toHaveLength(100);
    for (const { origin } of named(logs)) expect(String(origin)).toHaveLength(200);
  });

  it("is not named in production, where anyone can send any", async () => {
    const logs = recordLogs();
    const deployed = appWith({
      ENVIRONMENT: "production",
      AUTH_SECRET: "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr",
      SCRYPT_LN: "15",
      SCRYPT_P: "3",
      PUBLIC_URL: "https://auth.example.com",
      MAIL_TRANSPORT: "resend",
      RESEND_API_KEY: "re_a-key",
      MAIL_FROM: "Postern <no-reply@example.com>",
    });
    await call("OPTIONS", LOGIN, preflight("https://evil.example"), deployed);
    expect(named(logs)).toEqual([]);
  });
});
