/** HTTP behaviour (docs/conformance.md, J). */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Validator } from "@cfworker/json-schema";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import { type ErrorCode, PROBLEMS } from "../../src/http/problems.ts";
import { encodeBase64url } from "../../src/platform/encoding.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type Answer, appWith, call, expectProblem, freshAddress, get, post } from "../support/client.ts";
import { document, operations } from "../support/openapi.ts";
import { loggedIn, mailedToken, registered, somebody, withStanding } from "../support/people.ts";
import { tokenAbout } from "./mails.ts";
import { exampleOf } from "./routes.ts";

const LOGIN = "/api/v1/auth/login";
const ME = "/api/v1/users/me";
const wrong = "a wrong password, surely";
const PRODUCTION = {
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://auth.example.com",
  MAIL_TRANSPORT: "cloudflare",
  MAIL_FROM: "no-reply@example.com",
  SCRYPT_LN: "15",
  SCRYPT_P: "3",
};
/** The app as it is deployed, asked at a URL. */
const deployed = (url: string) => (request: Request) => {
  const AUTH_SECRET = encodeBase64url(systemRandom.bytes(48));
  return appWith({ ...PRODUCTION, AUTH_SECRET })(new Request(new URL(new URL(request.url).pathname, url), request));
};

/** The app on storage that fails at every call, with something in the message that nobody outside may read. */
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
  const context = createExecutionContext();
  const response = await createApp(parseConfig(env)).fetch(
    request,
    { ...env, ...broken } as unknown as Bindings,
    context,
  );
  await waitOnExecutionContext(context);
  return response;
}

/** How each refusal comes about. */
const PROVOCATIONS: Record<ErrorCode, () => Promise<Answer>> = {
  invalid_json: () => call("POST", LOGIN, { body: "{", headers: { "Content-Type": "application/json" } }),
  invalid_token: () => post("/api/v1/auth/verify-email", { token: "AAAA" }),
  async expired_token() {
    const person = somebody();
    await post("/api/v1/auth/register", person);
    const token = await mailedToken(person.email);
    vi.setSystemTime(Date.now() + 86_401_000);
    const answer = await post("/api/v1/auth/verify-email", { token });
    vi.useRealTimers();
    return answer;
  },
  unauthorized: () => get(ME),
  invalid_access_token: () => get(ME, { bearer: "nonsense" }),
  invalid_credentials: () => post(LOGIN, { email: somebody().email, password: wrong }),
  invalid_refresh_token: () => post("/api/v1/auth/refresh", { refresh_token: "prt_forged" }),
  async refresh_token_reused() {
    const { refreshToken } = await loggedIn();
    const refresh = (refresh_token: string) => post("/api/v1/auth/refresh", { refresh_token });
    await refresh((await refresh(refreshToken)).json.refresh_token);
    return refresh(refreshToken);
  },
  async email_not_verified() {
    const { email, username, password } = somebody();
    await post("/api/v1/auth/register", { email, username, password });
    return post(LOGIN, { email, password });
  },
  async account_disabled() {
    const { email, password } = await registered();
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE email = ?").bind(email).run();
    return post(LOGIN, { email, password });
  },
  async wrong_password() {
    const bearer = (await loggedIn()).accessToken;
    return call("DELETE", ME, { bearer, body: { password: wrong } });
  },
  forbidden: async () => get("/api/v1/users/", { bearer: (await loggedIn()).accessToken }),
  async origin_not_allowed() {
    const headers = { Origin: "https://evil.example" };
    return post(LOGIN, { email: "a@example.com", password: wrong, cookie: true }, { headers });
  },
  https_required: () => get("/", {}, deployed("http://auth.example.com")),
  not_found: () => get("/nowhere"),
  method_not_allowed: () => get(LOGIN),
  async username_taken() {
    const { username } = await registered();
    return post("/api/v1/auth/register", { ...somebody(), username });
  },
  async email_taken() {
    const [person, other] = [await loggedIn(), somebody()];
    const { accessToken: bearer, password } = person;
    await post("/api/v1/users/me/email", { email: other.email, password }, { bearer });
    const token = await tokenAbout(other.email, /^Confirm/);
    await env.DB.prepare("UPDATE users SET email = ? WHERE email = ?")
      .bind(other.email, (await registered()).email)
      .run();
    return post("/api/v1/auth/confirm-email", { token });
  },
  async last_superuser() {
    const { accessToken: bearer, userId } = await withStanding("superuser");
    await env.DB.prepare("UPDATE users SET is_superuser = 0 WHERE id <> ?").bind(userId).run();
    return call("DELETE", `/api/v1/users/${userId}`, { bearer });
  },
  async precondition_failed() {
    const { accessToken: bearer } = await loggedIn();
    return call("PUT", ME, { bearer, body: { first_name: "Ada" }, headers: { "If-Match": '"1"' } });
  },
  payload_too_large: () => post(LOGIN, { email: "x".repeat(64 * 1024), password: wrong }),
  unsupported_media_type: () => call("POST", LOGIN, { body: "{}", headers: { "Content-Type": "text/plain" } }),
  misdirected_request: () =>
    get("/", {}, (request) => appWith({})(new Request("http://auth.example.com/", { headers: request.headers }))),
  validation_failed: () => post(LOGIN, {}),
  async rate_limited() {
    const { email } = somebody();
    for (let time = 0; time < 3; time++) await post("/api/v1/auth/forgot-password", { email });
    return post("/api/v1/auth/forgot-password", { email });
  },
  internal_error: () =>
    get("/verify-email", {}, (request) => {
      vi.spyOn(Headers.prototype, "set").mockImplementationOnce(() => {
        throw new TypeError("a mistake");
      });
      return appWith({})(request);
    }),
  async busy() {
    const narrow = appWith({ HASH_LANE_LENGTH: "0" });
    const body = { email: somebody().email, password: wrong };
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(LOGIN, body, {}, narrow)));
    return answers.find(({ status }) => status === 503) ?? PROVOCATIONS.validation_failed();
  },
  challenge_failed: () =>
    post(
      LOGIN,
      { email: somebody().email, password: wrong },
      {},
      appWith({ TURNSTILE_SECRET_KEY: "2x0000000000000000000000000000000AA" }),
    ),
  invitation_required: () => post("/api/v1/auth/register", somebody(), {}, appWith({ REGISTRATION: "invitation" })),
  registration_closed: () => post("/api/v1/auth/register", somebody(), {}, appWith({ REGISTRATION: "closed" })),
  async invitation_used() {
    const { accessToken: bearer } = await withStanding("superuser");
    const person = somebody();
    await post("/api/v1/invitations", { email: person.email }, { bearer });
    const body = { ...person, token: await mailedToken(person.email) };
    await post("/api/v1/auth/accept-invitation", body);
    return post("/api/v1/auth/accept-invitation", body);
  },
  unavailable: () => post(LOGIN, { email: somebody().email, password: wrong }, {}, withoutStorage),
};

describe("refusals", () => {
  it.each(Object.keys(PROBLEMS) as ErrorCode[])("HT-1: are problem documents with a stable type: %s", async (code) => {
    const answer = await PROVOCATIONS[code]();
    const { status, title, detail } = PROBLEMS[code];
    expectProblem(answer, status, code);
    expect(answer.json).toMatchObject({ type: `urn:postern:problem:${code}`, title, status, detail, code });
    const schema = { ...document.components.schemas.Problem, components: document.components };
    expect(new Validator(schema, "2020-12", false).validate(answer.json).errors).toEqual([]);
  });

  it("HT-2: name the fields that were refused, and repeat no value", async () => {
    const values = { email: "no-address-at-all", username: "a b c d e f", password: "tooshort!", phone: "12345-no" };
    const answer = await post("/api/v1/auth/register", { ...values, surprise: "a-surprising-value" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors.map(({ field }: { field: string }) => field).toSorted()).toEqual(
      [...Object.keys(values), "surprise"].toSorted(),
    );
    for (const value of [...Object.values(values), "a-surprising-value"]) expect(answer.text).not.toContain(value);
    const login = await post(LOGIN, { email: 7, password: "🔑".repeat(300) });
    expect(login.text).not.toContain("🔑");
  });

  it("HT-3: tell nothing of a surprise but that there was one, and the request's name, on every route", async () => {
    const { accessToken: bearer } = await withStanding("superuser");
    for (const operation of operations) {
      const { method, path, body } = exampleOf(operation);
      const answer = await call(method, path, { bearer, body }, withoutStorage);
      const where = `${method} ${path} ${answer.status}`;
      expect(answer.text, where).not.toMatch(/D1_ERROR|SELECT|no such table|at .*\.ts|USER_SESSIONS|RATE_LIMITER/);
      if (answer.status >= 500 && operation.id !== "readHealth") expectProblem(answer, 503, "unavailable");
      const storesNothing = operation.tag === "Pages" || ["Service", "Well-known"].includes(operation.tag);
      if (operation.credentials?.[0] === "access_token") expect(answer.status, where).toBe(503);
      else if (!storesNothing) expect([401, 503], where).toContain(answer.status);
    }
  });

  it("HT-4: of a limit say when to come back, which limit it was, and what is left of it", async () => {
    const address = freshAddress();
    const attempt = () => post(LOGIN, { email: "nobody@example.com", password: wrong }, { address });
    let answer = await attempt();
    for (let time = 0; time < 15 && answer.status !== 429; time++) answer = await attempt();
    expectProblem(answer, 429, "rate_limited");
    const item = (text: string | null) => (text ?? "").split(", ").map((part) => part.split(";"));
    const policies = item(answer.headers.get("RateLimit-Policy"));
    const states = item(answer.headers.get("RateLimit"));
    expect(states.map(([name]) => name)).toEqual(policies.map(([name]) => name));
    for (const [name, quota, window] of policies) {
      expect([name, quota, window ?? "w=0"].join(";")).toMatch(/^"\w+";q=\d+;w=\d+$/);
    }
    const spent = states.filter(([, remaining]) => remaining === "r=0");
    expect(spent).not.toEqual([]);
    const retryAfter = Number(answer.headers.get("Retry-After"));
    for (const [, , time] of spent) expect(retryAfter).toBeGreaterThanOrEqual(Number(time?.slice(2)));
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  it("HT-5: tell a wrong method, type, size, syntax or field, each by its own status", async () => {
    const method = await get(LOGIN);
    expectProblem(method, 405, "method_not_allowed");
    expect(method.headers.get("Allow")).toBe("POST, OPTIONS");
    const body = { email: "ada@example.com", password: wrong };
    const as = (type: string, text: string) => call("POST", LOGIN, { body: text, headers: { "Content-Type": type } });
    expectProblem(await as("application/x-www-form-urlencoded", "email=a"), 415, "unsupported_media_type");
    expectProblem(await as("application/json", JSON.stringify(body).padEnd(64 * 1024 + 1)), 413, "payload_too_large");
    expectProblem(await as("application/json", '{"email":'), 400, "invalid_json");
    expectProblem(await post(LOGIN, { ...body, surprise: true }), 422, "validation_failed");
  });
});

describe("every answer", () => {
  it("HT-6: carries the security headers, and is stored by nobody unless it is public", async () => {
    const cacheable = /^\/(docs|openapi\.json|\.well-known\/.*)$/;
    const answers = await Promise.all(
      operations.map(async (operation) => {
        const { method, path, body } = exampleOf(operation);
        return { path, isPage: operation.tag === "Pages", answer: await call(method, path, { body }) };
      }),
    );
    answers.push({ path: "/nowhere", isPage: false, answer: await get("/nowhere") });
    answers.push({ path: LOGIN, isPage: false, answer: await call("OPTIONS", LOGIN) });
    for (const { path, isPage, answer } of answers) {
      const { headers } = answer;
      const [, maxAge = "0"] =
        /^max-age=(\d+); includeSubDomains/.exec(headers.get("Strict-Transport-Security") ?? "") ?? [];
      expect(Number(maxAge), path).toBeGreaterThanOrEqual(31_536_000);
      expect(headers.get("X-Content-Type-Options"), path).toBe("nosniff");
      expect(headers.get("Referrer-Policy"), path).toBe("no-referrer");
      const policy = headers.get("Content-Security-Policy") ?? "";
      expect(policy, path).toContain("default-src 'none'");
      expect(policy, path).toContain("frame-ancestors 'none'");
      const type = headers.get("Content-Type") ?? "";
      // JSON has no charset: it is UTF-8 always (RFC 8259 §8.1).
      if (answer.text !== "") expect(type, path).toMatch(/^(application\/(problem\+)?json$|.*; charset=utf-8$)/i);
      if (!cacheable.test(path) && !isPage) expect(headers.get("Cache-Control"), path).toBe("no-store");
    }
  });

  it("HT-7: is readable from listed origins alone, never from all of them with credentials", async () => {
    const app = "https://app.example.com";
    const send = appWith({ ALLOWED_ORIGINS: app });
    const preflight = (Origin: string, path = LOGIN) =>
      call("OPTIONS", path, { headers: { Origin, "Access-Control-Request-Method": "POST" } }, send);
    const { headers: listed } = await preflight(app);
    expect(listed.get("Access-Control-Allow-Origin")).toBe(app);
    expect(listed.get("Access-Control-Allow-Credentials")).toBe("true");
    for (const origin of [`${app}.evil.example`, "http://app.example.com", "https://evil.example", "null", "*"]) {
      for (const { headers } of [await preflight(origin), await get(ME, { headers: { Origin: origin } }, send)]) {
        expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
    const { headers: open } = await preflight("https://evil.example", "/.well-known/jwks.json");
    expect(open.get("Access-Control-Allow-Origin")).toBe("*");
    expect(open.get("Access-Control-Allow-Credentials")).toBeNull();
  });

  it("HT-8: is named by the caller's request id where that is short and plain, otherwise by one of ours", async () => {
    const named = async (id: string) => {
      const answer = await get("/nowhere", { headers: { "X-Request-Id": id } });
      expect(answer.json.request_id).toBe(answer.headers.get("X-Request-Id"));
      return answer.json.request_id;
    };
    expect(await named("trace-0123_ABC")).toBe("trace-0123_ABC");
    expect(() => new Headers({ "X-Request-Id": "a\r\nSet-Cookie: a=b" }), "the platform's part").toThrow(TypeError);
    for (const hostile of [
      "x".repeat(65),
      "x".repeat(10_000),
      "a%0d%0aSet-Cookie",
      'a","level":"error',
      "<script>",
      "kurz",
    ]) {
      expect(await named(hostile)).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    }
  });

  it("HT-9: to plain http is a refusal, and no redirect", async () => {
    const send = deployed("http://auth.example.com");
    for (const answer of [
      await post(LOGIN, { email: "a@example.com", password: wrong }, {}, send),
      await get(ME, {}, send),
    ]) {
      expectProblem(answer, 403, "https_required");
      expect(answer.headers.has("Location")).toBe(false);
    }
    const overHttps = await get(ME, {}, deployed("https://auth.example.com"));
    expectProblem(overHttps, 401, "unauthorized");
  });

  it("HT-10: is described by the OpenAPI document, which holds every route and no other", async () => {
    const { json } = await get("/openapi.json");
    expect(json.openapi).toMatch(/^3\.1\./);
    const answered = createApp(parseConfig(env))
      .routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)\{[^}]+\}\}?/g, "{$1}")}`);
    const described = Object.entries<object>(json.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replace(/(?<=.)\/$/, "")}`),
    );
    expect(new Set(described)).toEqual(new Set(answered));
    // Every answer of the suite is held against it: test/support/client.ts. That this can fail:
    const liar = async () => Response.json({ surprise: true }, { headers: { "X-Request-Id": crypto.randomUUID() } });
    await expect(get("/health", {}, liar)).rejects.toThrow();
  });
});
