import { Hono } from "hono";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { AppEnv } from "../../src/http/app-env.ts";
import { limitBody } from "../../src/http/body.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import { VERSION } from "../../src/version.ts";
import { register, tryLogin } from "../support/account.ts";
import { appWith, call, deployedAt, expectProblem, get, ORIGIN, post, theWorker } from "../support/client.ts";
import { withoutTable } from "../support/database.ts";
import { exampleOf } from "../support/examples.ts";
import { recordLogs } from "../support/logs.ts";
import { operations } from "../support/openapi.ts";
import { newPerson, withStanding } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";

/** The app with storage that fails at every call, and with an error message that no response may contain. */
async function withoutStorage(request: Request): Promise<Response> {
  const fail = () => Promise.reject(new Error("D1_ERROR: no such table: users: SELECT * FROM users"));
  const failing: object = new Proxy({}, { get: () => fail });
  const statement = { bind: () => statement, all: fail, run: fail, raw: fail };
  const objects = { getByName: () => failing };
  const broken = {
    DB: { prepare: () => statement, batch: fail },
    USER_SESSIONS: objects,
    RATE_LIMITER: objects,
    LOGIN_GUARD: objects,
    REVOCATIONS: failing,
    MAIL_QUEUE: failing,
    AUDIT_QUEUE: failing,
  };
  return appWith({}, broken as unknown as Partial<Bindings>)(request);
}

describe("every answer", () => {
  it("carries a request id: the caller's where it is short and plain, otherwise one of ours [HT-8]", async () => {
    const given = await get("/", { headers: { "X-Request-Id": "abc-123_DEF" } });
    expect(given.headers.get("X-Request-Id")).toBe("abc-123_DEF");
    for (const hostile of [
      "short",
      "x".repeat(65),
      'a"b{}\\c-long-enough',
      "a b c d e f g h",
      "<script>alert(1)</script>",
      "x".repeat(10_000),
      "a%0d%0aSet-Cookie",
      'a","level":"error',
    ]) {
      const answer = await get("/", { headers: { "X-Request-Id": hostile } });
      expect(answer.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    // The platform itself refuses line breaks.
    expect(() => new Headers({ "X-Request-Id": "a\r\nSet-Cookie: a=b" })).toThrow(TypeError);
  });

  it("to plain http is a refusal, and no redirect [HT-9]", async () => {
    const send = deployedAt("https://auth.example.com");
    const body = { email: "a@example.com", password: "a wrong password, surely" };
    for (const answer of [
      await post(`http://auth.example.com${LOGIN}`, body, {}, send),
      await get("http://auth.example.com/api/v1/users/me", {}, send),
    ]) {
      expectProblem(answer, 403, "https_required");
      expect(answer.headers.has("Location")).toBe(false);
    }
    expectProblem(await get("https://auth.example.com/api/v1/users/me", {}, send), 401, "unauthorized");
  });
});

describe("GET /", () => {
  it("names the service and where to go from here", async () => {
    const { json } = await get("/");
    expect(json).toMatchObject({ name: "Postern", version: VERSION, links: { docs: `${ORIGIN}/docs` } });
    for (const link of Object.values<string>(json.links)) expect((await get(link)).status).toBe(200);
  });
});

describe("a path or method that does not exist", () => {
  it.each([
    "/health//",
    `/a${"/".repeat(15_000)}x`,
    "/nowhere",
    "/api/v1/auth",
    "/api/v1/auth/login/x",
    "/pages/docs.html",
    "/index.html",
  ])("%s is 404", async (path) => {
    expectProblem(await get(path), 404, "not_found");
  });

  it.each([
    ["GET", LOGIN, "POST, OPTIONS"],
    ["PATCH", "/api/v1/users/me", "GET, PUT, DELETE, HEAD, OPTIONS"],
    ["POST", "/.well-known/jwks.json", "GET, HEAD, OPTIONS"],
    ["PUT", "/", "GET, HEAD, OPTIONS"],
    ["PATCH", `${LOGIN}/`, "POST, OPTIONS"],
  ])("%s %s is 405 with Allow: %s [HT-5]", async (method, path, allow) => {
    const answer = await call(method, path);
    expectProblem(answer, 405, "method_not_allowed");
    expect(answer.headers.get("Allow")).toBe(allow);
  });

  it("is told to OPTIONS in Allow", async () => {
    const answer = await call("OPTIONS", LOGIN);
    expect(answer.status).toBe(204);
    expect(answer.headers.get("Allow")).toBe("POST, OPTIONS");
  });
});

describe("a body", () => {
  const body = { email: "ada@example.com", password: "a wrong password, surely" };

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "",
  ])("sent as %j is 415 [HT-5]", async (type) => {
    const headers = { "Content-Type": type };
    expectProblem(await call("POST", LOGIN, { body: JSON.stringify(body), headers }), 415, "unsupported_media_type");
  });

  it("may name its charset, and its type in any case", async () => {
    const headers = { "Content-Type": "Application/JSON; charset=utf-8" };
    expectProblem(await call("POST", LOGIN, { body, headers }), 401, "invalid_credentials");
  });

  it.each(["{", "nonsense", "", "{'a': 1}", '{"a": 1}}', "\u0000"])(
    "of %j is 400 invalid_json [HT-5]",
    async (text) => {
      const headers = { "Content-Type": "application/json" };
      expectProblem(await call("POST", LOGIN, { body: text, headers }), 400, "invalid_json");
    },
  );

  it("that is not UTF-8 is 400 invalid_json", async () => {
    const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
    const headers = { "Content-Type": "application/json" };
    const request = new Request(`${ORIGIN}${LOGIN}`, { method: "POST", body: bytes, headers });
    const response = await theWorker(request);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_json" });
  });

  it.each(["[]", "null", '"text"', "7"])("of %s is 422", async (text) => {
    const headers = { "Content-Type": "application/json" };
    expectProblem(await call("POST", LOGIN, { body: text, headers }), 422, "validation_failed");
  });

  it("over 64 KiB is 413, with a length and without one [HT-5]", async () => {
    const large = JSON.stringify({ ...body, device_name: "x".repeat(65 * 1024) });
    expectProblem(await call("POST", LOGIN, { body: large }), 413, "payload_too_large");

    const headers = { "Content-Type": "application/json" };
    const chunked = new Request(`${ORIGIN}${LOGIN}`, { method: "POST", body: new Blob([large]).stream(), headers });
    expect((await theWorker(chunked)).status).toBe(413);
  });

  it.each([
    ["with a length", { "Content-Length": "500" }],
    ["without one", {}],
  ])("that breaks off, %s, is 400, and no failure of ours", async (_, length) => {
    const broken = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"email":'));
        controller.error(new Error("Network connection lost."));
      },
    });
    const logs = recordLogs();
    const headers = { "Content-Type": "application/json", ...length };
    const response = await appWith({})(new Request(`${ORIGIN}${LOGIN}`, { method: "POST", body: broken, headers }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_json" });
    expect(logs().map(({ event }) => event)).not.toContain("failure");
  });

  it("is not to blame for what goes wrong once it was read", async () => {
    const app = new Hono<AppEnv>().use(limitBody).post("/", () => Promise.reject("no Error, so nobody answers for it"));
    const body = new Blob(["{}"]).stream();
    await expect(app.request("/", { method: "POST", body })).rejects.toBe("no Error, so nobody answers for it");
  });

  it("over 64 KiB is 413, as documented, where the route has no use for one", async () => {
    const { status } = await call("POST", "/api/v1/users/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/revoke-sessions", {
      body: "x".repeat(65 * 1024),
    });
    expect(status).toBe(413);
  });

  it("just under 64 KiB is read", async () => {
    const padded = `${JSON.stringify(body)}${" ".repeat(60 * 1024)}`;
    const headers = { "Content-Type": "application/json" };
    expectProblem(await call("POST", LOGIN, { body: padded, headers }), 401, "invalid_credentials");
  });

  it("of nonsense gets no longer answer than it is", async () => {
    const nonsense = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`field${index}`, index]));
    const answer = await call("POST", LOGIN, { body: nonsense });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toHaveLength(20);
  });

  it("with a prototype in it pollutes nothing", async () => {
    const text = `{"email":"a@example.com","password":"x","__proto__":{"polluted":true}}`;
    const headers = { "Content-Type": "application/json" };
    const answer = await call("POST", LOGIN, { body: text, headers });
    expect(answer.status).toBe(422);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("CORS", () => {
  const send = appWith({ ALLOWED_ORIGINS: "https://app.example.com" });
  const preflight = (origin: string) => ({
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type, authorization",
    },
  });

  it("answers the preflight of a listed origin, with credentials [HT-7]", async () => {
    const { status, headers } = await call("OPTIONS", LOGIN, preflight("https://app.example.com"), send);
    expect(status).toBe(204);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
    expect(headers.get("Access-Control-Allow-Credentials")).toBe("true");
    expect(headers.get("Access-Control-Allow-Headers")).toMatch(/Content-Type/i);
    expect(headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(headers.get("Vary")).toContain("Origin");
  });

  it("lets a listed origin read answers and their headers, refusals included", async () => {
    const options = { headers: { Origin: "https://app.example.com" } };
    const { headers } = await get("/api/v1/users/me", options, send);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
    expect(headers.get("Access-Control-Expose-Headers")).toContain("X-Request-Id");
  });

  it.each(["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null", "*"])(
    "gives %s no CORS header at all [HT-7]",
    async (origin) => {
      for (const [method, path] of [
        ["OPTIONS", LOGIN],
        ["POST", LOGIN],
        ["GET", "/api/v1/users/me"],
      ] as const) {
        const { headers } = await call(method, path, preflight(origin), send);
        expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
        expect(headers.get("Vary")).toContain("Origin");
      }
    },
  );
});

describe("problems", () => {
  it("have a status that fits HTTP and a detail that says how to go on [HT-1]", () => {
    for (const { status, title, detail } of Object.values(PROBLEMS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(title).not.toBe("");
      expect(detail).toMatch(/[.`]$/);
    }
  });

  it("tell the client nothing of a surprise but the request id, and the log its cause [HT-3]", async () => {
    const logs = recordLogs();
    await withoutTable("users", async () => {
      const person = newPerson();
      for (const answer of [await register(person), await tryLogin(person)]) {
        expectProblem(answer, 503, "unavailable");
        expect(answer.text).not.toMatch(/users|sql|D1_|select|insert|stack/i);
        expect(answer.headers.has("Retry-After")).toBe(true);
        const failure = logs().find(
          ({ event, request_id }) => event === "failure" && request_id === answer.headers.get("X-Request-Id"),
        );
        expect(failure?.error).toMatch(/no such table/);
      }
    });
  });

  it("call a mistake of ours internal_error [HT-3]", async () => {
    const answer = await call("GET", "/verify-email", {}, async (request) => {
      vi.spyOn(Headers.prototype, "set").mockImplementationOnce(() => {
        throw new TypeError("a mistake");
      });
      return appWith({})(request);
    });
    expectProblem(answer, 500, "internal_error");
    expect(answer.text).not.toContain("a mistake");
  });

  it("tell nothing about storage that fails but the request id, on every route [HT-3]", async () => {
    const { accessToken: bearer } = await withStanding("superuser");
    for (const operation of operations) {
      const { method, path, body } = exampleOf(operation);
      const answer = await call(method, path, { bearer, body }, withoutStorage);
      const where = `${method} ${path} ${answer.status}`;
      expect(answer.text, where).not.toMatch(/D1_ERROR|SELECT|no such table|at .*\.ts|USER_SESSIONS|RATE_LIMITER/);
      if (answer.status >= 500 && operation.id !== "readReadiness") expectProblem(answer, 503, "unavailable");
      const storesNothing =
        ["Pages", "Service", "Well-known"].includes(operation.tag) ||
        ["readLoginPasskeyOptions", "readBrandPage"].includes(operation.id);
      if (operation.credentials?.[0] === "access_token") expect(answer.status, where).toBe(503);
      else if (!storesNothing) expect([401, 503], where).toContain(answer.status);
    }
  });

  it("never repeat a value of the body [HT-2]", async () => {
    const answer = await post(LOGIN, { email: 7, password: "🔑".repeat(300) });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.text).not.toContain("🔑");
  });
});
