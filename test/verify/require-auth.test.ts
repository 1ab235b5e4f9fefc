import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { Hono } from "hono";
import { describe, expect, it, vi } from "vitest";
import { may, PERMISSIONS, type Permission } from "../../src/access/permissions.ts";
import {
  type AccessTokenClaims,
  type AuthenticationDemand,
  type AuthRefusal,
  createVerifier,
  POSTERN_PERMISSIONS,
  type RequireAuthOptions,
  type Role,
  requireAuth,
} from "../../src/verify/index.ts";
import { readMe } from "../support/account.ts";
import { type Issuer, startIssuer } from "./issuer.ts";

const ROLES: Role[] = ["user", "moderator", "admin"];

const API = "https://api.example/";

const optionsOf = (issuer: Issuer) => ({
  issuer: issuer.url,
  audience: issuer.url,
  fetcher: issuer.fetcher,
  now: () => issuer.time,
});

/** An API behind the middleware, as in another Worker. */
function apiWith(options: Parameters<typeof requireAuth>[0]) {
  const app = new Hono<{ Variables: { auth: AccessTokenClaims } }>();
  app.use("/things", requireAuth(options));
  app.get("/things", (c) => c.json({ for: c.get("auth").sub }));
  return async (token?: string, scheme = "Bearer") => {
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `${scheme} ${token}` };
    const context = createExecutionContext();
    const response = await app.fetch(new Request("https://api.example/things", { headers }), {}, context);
    await waitOnExecutionContext(context);
    return response;
  };
}

describe("requireAuth", () => {
  it("lets a good token through and hands its claims to the handler", async () => {
    const issuer = await startIssuer();
    const ask = apiWith(optionsOf(issuer));
    const sub = crypto.randomUUID();
    const response = await ask(await issuer.token("first", { sub }), "bearer");
    expect(await response.json()).toEqual({ for: sub });
  });

  it("passes the trace of the request on with the strict check", async () => {
    const issuer = await startIssuer();
    const token = await issuer.token("first");
    const asked: unknown[][] = [];
    const strict: RequireAuthOptions["strict"] = {
      verify: async (...call) => {
        asked.push(call);
        return createVerifier(optionsOf(issuer))(token);
      },
    };
    const app = new Hono().use(requireAuth({ ...optionsOf(issuer), strict })).get("/", (c) => c.text("yes"));
    const traceparent = "00-5b8aa5a2d2c872e8321cf37308d69df2-00f067aa0ba902b7-01";
    for (const headers of [{ traceparent }, {}]) {
      const request = new Request(API, { headers: { Authorization: `Bearer ${token}`, ...headers } });
      expect((await app.fetch(request, {}, createExecutionContext())).status).toBe(200);
    }
    expect(asked).toEqual([
      [token, { traceparent }],
      [token, { traceparent: undefined }],
    ]);
  });

  it("takes its options from the context, where the bindings are", async () => {
    const issuer = await startIssuer();
    interface Env {
      AUTH: Issuer["fetcher"];
    }
    const app = new Hono<{ Bindings: Env; Variables: { auth: AccessTokenClaims } }>();
    app.use(requireAuth<Env>((c) => ({ ...optionsOf(issuer), fetcher: c.env.AUTH })));
    app.get("/", (c) => c.text(c.get("auth").role));
    const headers = { Authorization: `Bearer ${await issuer.token("first")}` };
    // Without an execution context, as in tests of other developers.
    const response = await app.request(API, { headers }, { AUTH: issuer.fetcher });
    expect(await response.text()).toBe("user");
  });

  it("refuses as Postern itself does, word for word but for the request id", async () => {
    const issuer = await startIssuer();
    const ask = apiWith(optionsOf(issuer));
    for (const [token, code] of [
      [undefined, "unauthorized"],
      ["nonsense", "invalid_access_token"],
    ] as const) {
      const theirs = await ask(token);
      const ours = await readMe(token);
      const { request_id: _, ...problem } = ours.json;
      expect(theirs.status).toBe(401);
      expect(await theirs.json()).toEqual(problem);
      expect(problem.code).toBe(code);
      expect(theirs.headers.get("Content-Type")).toBe("application/problem+json");
      expect(theirs.headers.get("Cache-Control")).toBe("no-store");
      const challenge = ours.headers.get("WWW-Authenticate") ?? "";
      expect(theirs.headers.get("WWW-Authenticate")?.startsWith(challenge)).toBe(true);
    }
  });

  it("tells a developer in the challenge what is wrong with a token", async () => {
    const issuer = await startIssuer();
    const response = await apiWith(optionsOf(issuer))(await issuer.token("first", { aud: "https://other.example" }));
    expect(response.headers.get("WWW-Authenticate")).toMatch(
      /^Bearer realm="postern", error="invalid_token", error_description="[\x20-\x21\x23-\x5b\x5d-\x7e]+JWT_AUDIENCE\."$/,
    );
  });

  it.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer a b", ""])("takes %j for no token at all", async (header) => {
    const issuer = await startIssuer();
    const app = new Hono();
    app.use(requireAuth(optionsOf(issuer)));
    const response = await app.request(API, { headers: { Authorization: header } });
    expect(await response.json()).toMatchObject({ code: "unauthorized" });
  });

  it("answers 503 if the keys, the revocations or the strict answer are unavailable", async () => {
    const silent = await startIssuer();
    silent.answers = () => Promise.reject(new Error("down"));
    const broken = { get: () => Promise.reject(new Error("KV GET failed")) };
    const issuer = await startIssuer();
    for (const [options, token] of [
      [optionsOf(silent), await silent.token("first")],
      [{ ...optionsOf(issuer), revocations: broken }, await issuer.token("first")],
      [{ ...optionsOf(issuer), strict: { verify: broken.get } }, await issuer.token("first")],
    ] as const) {
      const response = await apiWith(options)(token);
      expect(response.status).toBe(503);
      expect(response.headers.get("Retry-After")).toBe("1");
      expect(response.headers.has("WWW-Authenticate")).toBe(false);
      expect(await response.json()).toMatchObject({ code: "unavailable", type: "urn:postern:problem:unavailable" });
    }
  });

  it("tells `onRefusal` why it refuses, and what failed, but no part of the token", async () => {
    const issuer = await startIssuer();
    const told: AuthRefusal[] = [];
    const options = { ...optionsOf(issuer), onRefusal: (refusal: AuthRefusal) => void told.push(refusal) };
    const revocations = { get: () => Promise.reject(new Error("KV GET failed")) };
    const good = await issuer.token("first");
    await apiWith(options)();
    await apiWith(options)(await issuer.token("first", { aud: "https://other.example" }));
    await apiWith({ ...options, role: "admin" })(good);
    await apiWith({ ...options, acr: "aal2" })(good);
    await apiWith({ ...options, revocations })(good);
    expect((await apiWith(options)(good)).status).toBe(200);
    expect(told.map(({ code }) => code)).toEqual([
      "unauthorized",
      "wrong_audience",
      "forbidden",
      "insufficient_user_authentication",
      "revocations_unavailable",
    ]);
    expect(told[4]?.cause).toMatchObject({ message: "KV GET failed" });
    expect(JSON.stringify(told)).not.toContain(good.slice(0, 20));
  });

  it("writes the code of a refusal to the console if the issuer is on this machine, and only then", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const issuer = await startIssuer();
    for (const url of [issuer.url, "https://localhost.example", "https://auth.example.com"])
      await apiWith({ ...optionsOf(issuer), issuer: url })("nonsense");
    expect(warn).not.toHaveBeenCalled();
    const revocations = { get: () => Promise.reject(new Error("KV GET failed")) };
    for (const url of ["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787", "https://auth.localhost"])
      await apiWith({ ...optionsOf(issuer), issuer: url, revocations })("nonsense");
    expect(warn.mock.calls).toEqual(
      Array(4).fill(["requireAuth refused GET /things: malformed_token. This is not an access token."]),
    );
    const silent = { fetch: () => Promise.reject(new Error("connection refused")) };
    const local = { ...optionsOf(issuer), issuer: "http://localhost:8787", fetcher: silent };
    await apiWith(local)(await issuer.token("first", { iss: local.issuer }));
    expect(warn.mock.lastCall?.[0]).toMatch(/: keys_unavailable\. The issuer's keys could not be read\. \(.+\)$/);
    warn.mockRestore();
  });

  it("lets in users who have at least the required role", async () => {
    const issuer = await startIssuer();
    for (const required of ROLES) {
      const ask = apiWith({ ...optionsOf(issuer), role: required });
      for (const role of ROLES) {
        const response = await ask(await issuer.token("first", { role }));
        const passes = ROLES.indexOf(role) >= ROLES.indexOf(required);
        expect(response.status, `${role} where ${required} is asked for`).toBe(passes ? 200 : 403);
        if (passes) continue;
        expect(await response.json()).toMatchObject({ code: "forbidden" });
        expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="insufficient_scope"');
      }
    }
  });

  it("knows Postern's permissions as Postern has them, but for what takes the superuser flag", async () => {
    const issuer = await startIssuer();
    const names = Object.keys(PERMISSIONS).filter((name): name is Permission => name in PERMISSIONS);
    expect(Object.keys(POSTERN_PERMISSIONS)).toEqual(
      names.filter((name) => ROLES.some((role) => may({ role, isSuperuser: false }, name))),
    );
    for (const permission of Object.keys(POSTERN_PERMISSIONS).filter(
      (name): name is keyof typeof POSTERN_PERMISSIONS => name in POSTERN_PERMISSIONS,
    )) {
      const ask = apiWith({ ...optionsOf(issuer), permission });
      for (const role of ROLES) {
        const { status } = await ask(await issuer.token("first", { role }));
        expect(status, `${role}: ${permission}`).toBe(may({ role, isSuperuser: false }, permission) ? 200 : 403);
      }
    }
  });

  it("takes permissions of one's own, and needs the role beside them where both are asked for", async () => {
    const issuer = await startIssuer();
    const permissions = { publish: ["user", "admin"], draft: ["user"] } as const;
    const app = new Hono();
    app.get("/", requireAuth({ ...optionsOf(issuer), permissions, permission: "publish", role: "moderator" }), (c) =>
      c.text("published"),
    );
    const statuses = [];
    for (const role of ROLES) {
      const headers = { Authorization: `Bearer ${await issuer.token("first", { role })}` };
      statuses.push((await app.request(API, { headers })).status);
    }
    expect(statuses).toEqual([403, 403, 200]);
  });

  it.each([
    ["role", 'no role "root"'],
    ["permission", 'no permission "root"'],
    ["permission", 'no permission "toString"'],
    ["role", 'no role "undefined"'],
    ["permission", 'no permission "undefined"'],
  ])("fails for every request if a %s is misspelled", async (name, message) => {
    const issuer = await startIssuer();
    const written = /"(\w+)"/.exec(message)?.[1];
    const wrong = written === "undefined" ? undefined : written;
    // Options that only untyped code can pass.
    const options: RequireAuthOptions = Object.assign(optionsOf(issuer), { [name]: wrong });
    const app = new Hono();
    app.use(requireAuth(options));
    app.get("/", (c) => c.text("in"));
    const thrown: string[] = [];
    app.onError((error, c) => {
      thrown.push(error.message);
      return c.text("out", 500);
    });
    const headers = { Authorization: `Bearer ${await issuer.token("first", { role: "admin" })}` };
    expect((await app.request(API, { headers })).status).toBe(500);
    expect(thrown).toEqual([expect.stringContaining(message)]);
  });

  describe("with a demand for how and when the user logged in", () => {
    const MINUTE = 60;
    const challengeOf = (response: Response) => response.headers.get("WWW-Authenticate");

    /** The response to a token of a user who logged in `age` seconds ago. */
    async function askAs(acr: string | undefined, age: number | undefined, demand: AuthenticationDemand) {
      const issuer = await startIssuer();
      const auth_time = age === undefined ? undefined : issuer.time / 1_000 - age;
      return apiWith({ ...optionsOf(issuer), ...demand })(await issuer.token("first", { acr, auth_time }));
    }

    it.each<[string | undefined, number | undefined, AuthenticationDemand]>([
      ["aal2", 0, { acr: "aal2", maxAge: 5 * MINUTE }],
      ["aal2", 5 * MINUTE, { maxAge: 5 * MINUTE }],
      ["aal2", 60 * MINUTE, { acr: "aal1" }],
      ["aal1", 60 * MINUTE, { acr: "aal1" }],
      // The issuer's clock is ahead of the verifier's.
      ["aal1", -2, { maxAge: 1 }],
      [undefined, undefined, {}],
    ])("lets %s of %s seconds ago meet %o", async (acr, age, demand) => {
      expect((await askAs(acr, age, demand)).status).toBe(200);
    });

    it.each<[string | undefined, number | undefined, AuthenticationDemand, string]>([
      ["aal1", 0, { acr: "aal2" }, "A login at level aal2 is required."],
      [undefined, 0, { acr: "aal1" }, "A login at level aal1 is required."],
      ["aal9", 0, { acr: "aal1" }, "A login at level aal1 is required."],
      ["aal2", 301, { acr: "aal2", maxAge: 300 }, "A more recent login is required."],
      ["aal2", undefined, { maxAge: 300 }, "A more recent login is required."],
      [
        "aal1",
        301,
        { acr: "aal2", maxAge: 300 },
        "A login at level aal2 is required. A more recent login is required.",
      ],
    ])(
      "refuses %s of %s seconds ago for %o, and says what it takes (RFC 9470) [MF-7]",
      async (acr, age, demand, reason) => {
        const response = await askAs(acr, age, demand);
        expect(response.status).toBe(401);
        const { acr: acr_values, maxAge: max_age } = demand;
        const document = await response.json<{ acr_values?: string; max_age?: number }>();
        expect(document).toMatchObject({
          type: "urn:postern:problem:insufficient_user_authentication",
          code: "insufficient_user_authentication",
          status: 401,
        });
        expect([document.acr_values, document.max_age]).toEqual([acr_values, max_age]);
        const demanded = [
          acr_values === undefined ? "" : `, acr_values="${acr_values}"`,
          max_age === undefined ? "" : `, max_age="${max_age}"`,
        ].join("");
        expect(challengeOf(response)).toBe(
          `Bearer realm="postern", error="insufficient_user_authentication", error_description="${reason}"${demanded}`,
        );
      },
    );

    it("refuses a role that is too low as such, because another login would not help", async () => {
      const issuer = await startIssuer();
      const response = await apiWith({ ...optionsOf(issuer), role: "admin", acr: "aal2" })(await issuer.token("first"));
      expect(await response.json()).toMatchObject({ code: "forbidden" });
    });

    it.each<[Record<string, unknown>, string]>([
      [{ acr: "aal3" }, 'no acr "aal3"'],
      [{ acr: undefined }, 'no acr "undefined"'],
      [{ maxAge: 0 }, "a `maxAge` of at least 1 second"],
      [{ maxAge: Number.NaN }, "a `maxAge` of at least 1 second"],
      [{ maxAge: "soon" }, "a `maxAge` of at least 1 second"],
      [{ maxAge: undefined }, "a `maxAge` of at least 1 second"],
    ])("fails for every request with %o", async (wrong, message) => {
      const issuer = await startIssuer();
      // Options that only untyped code can pass.
      const options: RequireAuthOptions = Object.assign(optionsOf(issuer), wrong);
      const app = new Hono().use(requireAuth(options)).get("/", (c) => c.text("in"));
      app.onError((error, c) => c.text(error.message, 500));
      const now = issuer.time / 1_000;
      const token = await issuer.token("first", { acr: "aal2", auth_time: now });
      const response = await app.request(API, { headers: { Authorization: `Bearer ${token}` } });
      expect(response.status).toBe(500);
      expect(await response.text()).toContain(message);
    });
  });

  it("throws what is no judgement of a token", async () => {
    const issuer = await startIssuer();
    const app = new Hono();
    app.use(requireAuth({ ...optionsOf(issuer), issuer: "" }));
    app.onError((error, c) => c.text(error.message, 500));
    const headers = { Authorization: `Bearer ${await issuer.token("first")}` };
    expect(await (await app.request(API, { headers })).text()).toContain("needs `issuer`");
  });
});
