import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it, vi } from "vitest";
import { login } from "../../src/features/login/login.ts";
import type { HashingLane } from "../../src/passwords/hashing-lane.ts";
import { createPasswords } from "../../src/passwords/passwords.ts";
import { appWith, call, expectProblem, freshAddress, get, post, shown } from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { recordLogs } from "../support/logs.ts";
import { logIn, registered, rowOf, somebody } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";

describe("POST /api/v1/auth/login", () => {
  it("answers the right password with a pair of tokens and the user [JW-10]", async () => {
    const person = await registered();
    const before = Date.now();
    const { answer } = await logIn(person);
    expect(answer.json).toMatchObject({ token_type: "Bearer", expires_in: 1800, refresh_expires_in: 30 * 86_400 });
    expect(answer.json.user).toMatchObject({ email: person.email, username: person.username, is_verified: true });
    expect(Date.parse(answer.json.user.last_login)).toBeGreaterThanOrEqual(before);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    expect(answer.json.user).not.toHaveProperty("password_hash");
  });

  it("takes an email or a username, in any case [RG-2]", async () => {
    const person = await registered();
    const { answer } = await logIn(person, { email: person.email.toUpperCase() });
    expect(answer.json.user.email).toBe(person.email);
    await logIn(person, { email: undefined, username: person.username.toUpperCase() });
  });

  it("mints access tokens of RFC 9068 that say what the design says [JW-1, JW-2, JW-3]", async () => {
    const person = await registered();
    const fields = { first_name: "Augusta", last_name: "Lovelace", phone: "+441234567890" };
    await call("PUT", "/api/v1/users/me", { bearer: (await logIn(person)).accessToken, body: fields });
    const { accessToken, userId, sessionId } = await logIn(person);
    const { kid, ...header } = decodeProtectedHeader(accessToken);
    expect(header).toEqual({ alg: "ES256", typ: "at+jwt" });
    const { json: published } = await get("/.well-known/jwks.json");
    expect(published.keys).toContainEqual(expect.objectContaining({ kid, alg: "ES256" }));
    const claims = decodeJwt(accessToken);
    expect(Object.keys(claims).sort()).toEqual(
      ["aud", "client_id", "email_verified", "exp", "iat", "iss", "jti", "role", "sid", "sub"].sort(),
    );
    expect(claims).toMatchObject({
      iss: "http://localhost:8787",
      aud: "http://localhost:8787",
      client_id: "postern",
      sub: userId,
      sid: sessionId,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      role: "user",
      email_verified: true,
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(1800);
    for (const personal of [person.email, person.username, ...Object.values(fields)]) {
      expect(JSON.stringify(claims)).not.toContain(personal);
    }

    const short = appWith({ ACCESS_TOKEN_EXPIRE_MINUTES: "7", JWT_CLIENT_ID: "shop" });
    const { json } = await post(LOGIN, { email: person.email, password: person.password }, {}, short);
    const { iat = 0, exp = 0, client_id } = decodeJwt(json.access_token);
    expect([exp - iat, json.expires_in, client_id]).toEqual([420, 420, "shop"]);
  });

  it("opens a new session each time, even if a client sends ids of its own [LG-8]", async () => {
    const person = await registered();
    const [first, second] = [await logIn(person), await logIn(person)];
    expect(first.sessionId).not.toBe(second.sessionId);
    expect(first.refreshToken).not.toBe(second.refreshToken);
    for (const field of ["sid", "session_id"]) {
      const body = { email: person.email, password: person.password, [field]: first.sessionId };
      expectProblem(await post(LOGIN, body), 422, "validation_failed");
    }
    const headers = { Cookie: `sid=${first.sessionId}; __Secure-postern_refresh=${first.refreshToken}` };
    const third = await logIn(person, {}, { headers });
    expect([first.sessionId, second.sessionId]).not.toContain(third.sessionId);
  });

  it("ends the session that was used the longest ago when a user has more than the maximum", async () => {
    const person = await registered();
    const few = appWith({ SESSIONS_PER_USER: "3" });
    const tokens: string[] = [];
    for (let device = 0; device < 5; device++) {
      const answer = await post(LOGIN, { email: person.email, password: person.password }, {}, few);
      tokens.push(answer.json.access_token);
    }
    const statuses = await Promise.all(
      tokens.map(async (bearer) => (await get("/api/v1/users/me", { bearer })).status),
    );
    expect(statuses).toEqual([401, 401, 200, 200, 200]);
  });

  it("records device name, user agent and address in the user's own object", async () => {
    const person = await registered();
    const options = { address: "198.51.100.9", headers: { "User-Agent": "Telescope/1.0" } };
    const { userId, sessionId } = await logIn(person, { device_name: "Ada's phone" }, options);
    const sessions = await env.USER_SESSIONS.getByName(userId).list();
    expect(sessions).toMatchObject([
      { id: sessionId, deviceName: "Ada's phone", userAgent: "Telescope/1.0", ipAddress: "198.51.100.9" },
    ]);
  });

  it("keeps the time of the last login", async () => {
    const person = await registered();
    await logIn(person);
    expect(Number((await rowOf(person.email))?.last_login_at)).toBeGreaterThan(Date.now() - 60_000);
  });

  it("answers an unknown name exactly as a wrong password, and a disabled or unverified account's too [LG-1]", async () => {
    const known = await registered();
    const disabled = await registered();
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE email = ?").bind(disabled.email).run();
    const unverified = somebody();
    await post("/api/v1/auth/register", unverified);

    const password = "not the password of anybody";
    const answers = [];
    for (const body of [
      { email: known.email, password },
      { email: somebody().email, password },
      { username: (await registered()).username, password },
      { username: "nobody-at-all", password },
      { email: "not an address", password },
      { email: disabled.email, password },
      { email: unverified.email, password },
    ]) {
      answers.push(shown(await post(LOGIN, body)));
    }
    expect(answers[0]).toMatchObject({ status: 401, text: expect.stringContaining('"invalid_credentials"') });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("tells that an account is unverified or disabled after the right password alone [LG-1, RG-4]", async () => {
    const unverified = somebody();
    await post("/api/v1/auth/register", unverified);
    expectProblem(
      await post(LOGIN, { email: unverified.email, password: unverified.password }),
      403,
      "email_not_verified",
    );

    const disabled = await registered();
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE email = ?").bind(disabled.email).run();
    expectProblem(await post(LOGIN, { email: disabled.email, password: disabled.password }), 403, "account_disabled");
  });

  it("compares passwords in NFC and changes nothing else in them [PW-4]", async () => {
    const person = { ...somebody(), password: "cafe\u0301 au lait, please" };
    await registered(person);
    await logIn({ ...person, password: "caf\u00e9 au lait, please" });
    for (const password of [
      ` ${person.password}`,
      `${person.password} `,
      person.password.toUpperCase(),
      person.password.slice(0, -1),
    ]) {
      expectProblem(await post(LOGIN, { email: person.email, password }), 401, "invalid_credentials");
    }
  });

  it.each([64, 200, 256])("never matches a password of %i characters without its last one [PW-2]", async (length) => {
    const person = { ...somebody(), password: "0123456789".repeat(26).slice(0, length) };
    await registered(person);
    const shortened = { email: person.email, password: person.password.slice(0, -1) };
    expectProblem(await post(LOGIN, shortened), 401, "invalid_credentials");
    await logIn(person);
  });

  it("refuses a password over the cap before anything is hashed", async () => {
    const logs = recordLogs();
    const body = { email: somebody().email, password: "🔑".repeat(257) };
    expectProblem(await post(LOGIN, body), 422, "validation_failed");
    expect(logs()[0]).toMatchObject({ storage_calls: 0 });
  });

  it.each([[{}], [{ email: "a@example.com", username: "a" }]])("refuses a body with %j for a name", async (names) => {
    const answer = await post(LOGIN, { ...names, password: "some password or other" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors[0]).toMatchObject({ field: "email" });
  });

  it("makes a new hash at the configured cost where the stored one was made at another [PS-1, PS-3]", async () => {
    const person = await registered();
    const before = String((await rowOf(person.email))?.password_hash);
    expect(before).toMatch(/^\$scrypt\$ln=4,r=8,p=1\$/);
    const dearer = appWith({ SCRYPT_LN: "15", SCRYPT_P: "3" });
    const body = { email: person.email, password: person.password };
    expect((await post(LOGIN, body, {}, dearer)).status).toBe(200);
    const after = String((await rowOf(person.email))?.password_hash);
    expect(after).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect((await post(LOGIN, body, {}, dearer)).status).toBe(200);
    expect((await rowOf(person.email))?.password_hash, "the same cost again makes no new hash").toBe(after);
  });

  it("replaces no hash that somebody changed while the password was checked", async () => {
    const { recordLogin } = coldIsolate().users;
    const person = await registered();
    const row = await rowOf(person.email);
    await recordLogin({ id: String(row?.id), sessionEpoch: 0 }, Date.now(), {
      from: "the hash of a moment ago",
      to: "another",
    });
    expect((await rowOf(person.email))?.password_hash).toBe(row?.password_hash);
  });

  it("goes through although there is no place to make a new hash", async () => {
    const person = await registered();
    const narrow = appWith({ SCRYPT_LN: "6", HASH_LANE_LENGTH: "0", RATE_LIMITING: "off" });
    const body = { email: person.email, password: person.password };
    const answers = await Promise.all(Array.from({ length: 3 }, () => post(LOGIN, body, {}, narrow)));
    expect(answers.some(({ status }) => status === 200)).toBe(true);
  });

  const tail = `$${"A".repeat(22)}$${"A".repeat(43)}`;
  it.each(["garbage", "", `$scrypt$ln=30,r=8,p=3${tail}`, `$scrypt$ln=15,r=99,p=99${tail}`, "$scrypt$ln=15"])(
    "refuses the login where the stored hash is %j, and does not fail [PS-4]",
    async (hash) => {
      const person = await registered();
      await env.DB.prepare("UPDATE users SET password_hash = ? WHERE email = ?").bind(hash, person.email).run();
      expectProblem(await post(LOGIN, { email: person.email, password: person.password }), 401, "invalid_credentials");
      const { services, costs, configured } = countingHashes();
      expect(await services.passwords.check(person.password, hash)).toEqual({ matches: false });
      expect(costs, "the usual cost").toEqual([configured]);
    },
  );

  it("computes one hash of the configured cost, whether the user is known, unknown or disabled [LG-2]", async () => {
    // The times themselves: test/node/live-timing.test.ts.
    const [known, disabled] = [await registered(), await registered()];
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE email = ?").bind(disabled.email).run();
    const wrong = { ...known, password: "a wrong password, surely" };
    for (const { email, password } of [known, wrong, somebody(), disabled]) {
      const { services, costs, configured } = countingHashes();
      await runEndpoint(login, services, { body: { email, password } });
      expect(costs).toEqual([configured]);
    }
  });

  it("asks the limits before it computes a hash [LG-6]", async () => {
    const address = freshAddress();
    const { email, password } = await registered();
    const wrong = { email, password: "a wrong password, surely" };
    for (let attempt = 0; attempt < 10; attempt++) {
      expectProblem(await post(LOGIN, wrong, { address }), 401, "invalid_credentials");
    }
    const { services, costs } = countingHashes();
    const answer = await runEndpoint(login, services, { body: { email, password }, address });
    expect(outcomeOf(answer)).toBe("rate_limited");
    expect(costs).toEqual([]);
  });

  it("limits guesses at one account from one address, forgives them for a success, and says so in headers [LG-5, LG-9]", async () => {
    const person = await registered();
    const address = freshAddress();
    const wrong = () => post(LOGIN, { email: person.email, password: "a wrong password, surely" }, { address });
    for (let attempt = 0; attempt < 9; attempt++) expectProblem(await wrong(), 401, "invalid_credentials");
    await logIn(person, {}, { address });
    for (let attempt = 0; attempt < 9; attempt++) expectProblem(await wrong(), 401, "invalid_credentials");
    const tenth = await wrong();
    expectProblem(tenth, 401, "invalid_credentials");
    expect(tenth.headers.get("RateLimit-Policy")).toContain('"loginPerAccountAndAddress";q=10;w=900');
    expect(tenth.headers.get("RateLimit")).toMatch(/"loginPerAccountAndAddress";r=0;t=\d+/);
    const logs = recordLogs();
    const refused = await wrong();
    expectProblem(refused, 429, "rate_limited");
    expect(logs().at(-1)).toMatchObject({ route: LOGIN, status: 429, error_code: "rate_limited" });
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(Number(refused.headers.get("Retry-After"))).toBeLessThanOrEqual(90);

    const right = await post(LOGIN, { email: person.email, password: person.password }, { address });
    expectProblem(right, 429, "rate_limited");
    await logIn(person, {}, { address: freshAddress() });
  });

  it("lets nobody make a stranger wait longer by attempts that are refused anyway", async () => {
    const person = await registered();
    const [home, address] = [freshAddress(), freshAddress()];
    await logIn(person, {}, { address: home });
    const body = { email: person.email, password: "a wrong password, surely" };
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 120; attempt++) statuses.push((await post(LOGIN, body, { address })).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(Number((await post(LOGIN, body)).headers.get("Retry-After"))).toBeLessThanOrEqual(30);
    await logIn(person, {}, { address: home });
  });

  it("limits an unknown name at the same count [LG-5]", async () => {
    const address = freshAddress();
    const body = { email: somebody().email, password: "a wrong password, surely" };
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) statuses.push((await post(LOGIN, body, { address })).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
  });

  it("lets no more than the budget through when 60 guesses come at once", async () => {
    const address = freshAddress();
    const body = { email: somebody().email, password: "a wrong password, surely" };
    const patient = appWith({ HASH_LANE_LENGTH: "64" });
    const answers = await Promise.all(Array.from({ length: 60 }, () => post(LOGIN, body, { address }, patient)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(50);
  });

  it("believes CF-Connecting-IP alone about where a request comes from [LG-7]", async () => {
    const address = freshAddress();
    const email = somebody().email;
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) {
      const headers = { "X-Forwarded-For": freshAddress(), "X-Real-IP": freshAddress(), Forwarded: `for=${attempt}` };
      const answer = await post(LOGIN, { email, password: "a wrong password, surely" }, { address, headers });
      statuses.push(answer.status);
    }
    expect(statuses.at(-1)).toBe(429);
  });

  it("counts an IPv6 network of /64 as one address", async () => {
    const body = { email: somebody().email, password: "a wrong password, surely" };
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) {
      statuses.push((await post(LOGIN, body, { address: `2001:db8:ffff:1:${attempt}::1` })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
  });

  it("counts nothing with RATE_LIMITING=off", async () => {
    const address = freshAddress();
    const off = appWith({ RATE_LIMITING: "off" });
    for (let attempt = 0; attempt < 12; attempt++) {
      const answer = await post(LOGIN, { email: "a@example.com", password: "wrong" }, { address }, off);
      expectProblem(answer, 401, "invalid_credentials");
      expect(answer.headers.has("RateLimit")).toBe(false);
    }
  });

  it("answers 503 busy with Retry-After when too many passwords wait to be checked", async () => {
    const impatient = appWith({ HASH_LANE_LENGTH: "1", RATE_LIMITING: "off" });
    const body = { email: somebody().email, password: "a wrong password, surely" };
    const answers = await Promise.all(Array.from({ length: 12 }, () => post(LOGIN, body, {}, impatient)));
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    expect(answers.length - busy.length).toBeGreaterThan(0);
    for (const answer of busy) {
      expectProblem(answer, 503, "busy");
      expect(answer.headers.get("Retry-After")).toBe("1");
    }
    const budgets = appWith({ HASH_LANE_LENGTH: "1" });
    const address = freshAddress();
    const tries = await Promise.all(Array.from({ length: 10 }, () => post(LOGIN, body, { address }, budgets)));
    expect(tries.some(({ json }) => json.code === "busy")).toBe(true);
    const after = await post(LOGIN, body, { address }, budgets);
    expectProblem(after, 401, "invalid_credentials");
    const register = await Promise.all(
      Array.from({ length: 12 }, () => post("/api/v1/auth/register", somebody(), {}, impatient)),
    );
    expect(register.some(({ json }) => json.code === "busy")).toBe(true);
  });

  it("counts a guess at an account's password although there was no place to judge the registration beside it", async () => {
    const person = await registered();
    expect((await post("/api/v1/auth/register", { ...somebody(), email: person.email })).status).toBe(202);
    const services = coldIsolate();
    let turns = 0;
    // Full whenever a guess comes a second time.
    const lane: HashingLane = { run: async (work) => (turns++ % 2 === 0 ? work() : undefined) };
    const passwords = createPasswords(services.config.passwords, lane, services.random);
    const address = freshAddress();
    const outcomes: unknown[] = [];
    for (let guess = 0; guess < 11; guess++) {
      const body = { email: person.email, password: "a wrong password, surely" };
      outcomes.push(outcomeOf(await runEndpoint(login, { ...services, passwords }, { body, address })));
    }
    expect(outcomes).toEqual([...Array(10).fill("busy"), "rate_limited"]);
  });

  it("logs in although the attempts can't be refunded", async () => {
    const person = await registered();
    const logs = recordLogs();
    const objectOf = env.RATE_LIMITER.getByName.bind(env.RATE_LIMITER);
    const body = { email: person.email, password: person.password };
    vi.spyOn(env.RATE_LIMITER, "getByName").mockImplementation((name) => {
      const object = objectOf(name);
      return new Proxy(object, {
        get: (target, method) =>
          method === "refund" ? () => Promise.reject(new Error("out")) : Reflect.get(target, method),
      });
    });
    expect((await post(LOGIN, body, {}, appWith({}))).status).toBe(200);
    expect(logs().filter(({ event }) => event === "limiter_not_told")).toHaveLength(1);
  });

  it("fails closed, with 503, when the limiter does not answer", async () => {
    const person = await registered();
    vi.spyOn(env.RATE_LIMITER, "getByName").mockImplementation(() => {
      throw new Error("the limiter is out");
    });
    const app = appWith({});
    const answer = await post(LOGIN, { email: person.email, password: person.password }, {}, app);
    expectProblem(answer, 503, "unavailable");
    expect(answer.text).not.toContain("limiter");
  });
});
