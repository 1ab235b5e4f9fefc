import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it, vi } from "vitest";
import { login } from "../../src/features/login/login.ts";
import type { HashingLane } from "../../src/passwords/hashing-lane.ts";
import { createPasswords } from "../../src/passwords/passwords.ts";
import { extend } from "../../src/platform/records.ts";
import { readMe, register, tryLogin } from "../support/account.ts";
import {
  type Answer,
  appWith,
  atOnce,
  call,
  expectProblem,
  freshAddress,
  get,
  inTurn,
  laneOf,
  post,
  shown,
} from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { setUser } from "../support/database.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { recordLogs } from "../support/logs.ts";
import { logIn, newPerson, registered, rowOf, unverified } from "../support/people.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";
const WRONG = "a wrong password, surely";

describe("POST /api/v1/auth/login", () => {
  it("answers the right password with a pair of tokens and the user [JW-10]", async () => {
    const person = await registered();
    vi.setSystemTime(Date.now());
    const before = Date.now();
    const { answer } = await logIn(person);
    expect(answer.json).toMatchObject({ token_type: "Bearer", expires_in: 1800, refresh_expires_in: 7 * 86_400 });
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
    vi.setSystemTime(Date.now());
    const { accessToken, userId, sessionId } = await logIn(person);
    const { kid, ...header } = decodeProtectedHeader(accessToken);
    expect(header).toEqual({ alg: "ES256", typ: "at+jwt" });
    const { json: published } = await get("/.well-known/jwks.json");
    expect(published.keys).toContainEqual(expect.objectContaining({ kid, alg: "ES256" }));
    const claims = decodeJwt(accessToken);
    const usual = ["client_id", "email_verified", "exp", "iat", "iss", "jti", "role", "sid", "sub"];
    expect(Object.keys(claims).sort()).toEqual(["acr", "amr", "aud", "auth_time", ...usual]);
    expect(claims).toMatchObject({
      iss: "http://localhost:8787",
      aud: "http://localhost:8787",
      client_id: "postern",
      sub: userId,
      sid: sessionId,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      role: "user",
      email_verified: true,
      amr: ["pwd"],
      acr: "aal1",
      auth_time: claims.iat,
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(1800);
    for (const personal of [person.email, person.username, ...Object.values(fields)]) {
      expect(JSON.stringify(claims)).not.toContain(personal);
    }

    const short = appWith({ ACCESS_TOKEN_EXPIRE_MINUTES: "7", JWT_CLIENT_ID: "shop" });
    const { json } = await tryLogin(person, {}, short);
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
    const headers = { Cookie: `sid=${first.sessionId}; postern_refresh=${first.refreshToken}` };
    const third = await logIn(person, {}, { headers });
    expect([first.sessionId, second.sessionId]).not.toContain(third.sessionId);
  });

  it("ends the session that was used the longest ago when a user has more than the maximum", async () => {
    const person = await registered();
    const few = appWith({ SESSIONS_PER_USER: "3" });
    const answers: Answer[] = [];
    for (let device = 0; device < 5; device++) answers.push(await tryLogin(person, {}, few));
    const statuses = await inTurn(5, (device) => readMe(answers[device]?.json.access_token));
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
    await setUser(disabled, { is_active: 0 });
    const waiting = await unverified();

    const password = "not the password of anybody";
    const answers = [];
    for (const body of [
      { email: known.email, password },
      { email: newPerson().email, password },
      { username: (await registered()).username, password },
      { username: "nobody-at-all", password },
      { email: "not an address", password },
      { email: disabled.email, password },
      { email: waiting.email, password },
    ]) {
      answers.push(shown(await post(LOGIN, body)));
    }
    expect(answers[0]).toMatchObject({ status: 401, text: expect.stringContaining('"invalid_credentials"') });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("tells that an account is unverified or disabled after the right password alone [LG-1, RG-4]", async () => {
    const waiting = await unverified();
    expectProblem(await tryLogin(waiting), 403, "email_not_verified");

    const disabled = await registered();
    await setUser(disabled, { is_active: 0 });
    expectProblem(await tryLogin(disabled), 403, "account_disabled");
  });

  it("compares passwords in NFC and changes nothing else in them [PW-4]", async () => {
    const person = { ...newPerson(), password: "cafe\u0301 au lait, please" };
    await registered(person);
    await logIn({ ...person, password: "caf\u00e9 au lait, please" });
    const { password: right } = person;
    for (const password of [` ${right}`, `${right} `, right.toUpperCase(), right.slice(0, -1)]) {
      expectProblem(await tryLogin({ ...person, password }), 401, "invalid_credentials");
    }
  });

  it.each([64, 200, 256])("never matches a password of %i characters without its last one [PW-2]", async (length) => {
    const person = { ...newPerson(), password: "0123456789".repeat(26).slice(0, length) };
    await registered(person);
    const shortened = { ...person, password: person.password.slice(0, -1) };
    expectProblem(await tryLogin(shortened), 401, "invalid_credentials");
    await logIn(person);
  });

  it("refuses a password over the cap before anything is hashed", async () => {
    const logs = recordLogs();
    const body = { email: newPerson().email, password: "🔑".repeat(257) };
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
    expect((await tryLogin(person, {}, dearer)).status).toBe(200);
    const after = String((await rowOf(person.email))?.password_hash);
    expect(after).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect((await tryLogin(person, {}, dearer)).status).toBe(200);
    expect((await rowOf(person.email))?.password_hash, "the same cost again makes no new hash").toBe(after);
  });

  it("does not replace a hash that changed while the password was checked", async () => {
    const { recordLogin } = coldIsolate().users;
    const person = await registered();
    const row = await rowOf(person.email);
    const rehash = { from: "the hash of a moment ago", to: "another" };
    await recordLogin({ id: String(row?.id), sessionEpoch: 0 }, rehash, {
      consequences: NOTHING_FOLLOWS,
      now: Date.now(),
    });
    expect((await rowOf(person.email))?.password_hash).toBe(row?.password_hash);
  });

  it("goes through although there is no place to make a new hash", async () => {
    const person = await registered();
    const narrow = appWith({ ...laneOf(0), RATE_LIMITING: "off" });
    const answers = await atOnce(3, () => tryLogin(person, {}, narrow));
    expect(answers.some(({ status }) => status === 200)).toBe(true);
  });

  const tail = `$${"A".repeat(22)}$${"A".repeat(43)}`;
  it.each(["garbage", "", `$scrypt$ln=30,r=8,p=3${tail}`, `$scrypt$ln=15,r=99,p=99${tail}`, "$scrypt$ln=15"])(
    "refuses the login where the stored hash is %j, and does not fail [PS-4]",
    async (hash) => {
      const person = await registered();
      await setUser(person, { password_hash: hash });
      expectProblem(await tryLogin(person), 401, "invalid_credentials");
      const { services, costs, configured } = countingHashes();
      expect(await services.passwords.check(person.password, hash)).toEqual({ matches: false });
      expect(costs, "the usual cost").toEqual([configured]);
    },
  );

  it("computes one hash of the configured cost for a known, an unknown and a disabled user [LG-2]", async () => {
    // test/node/live-timing.test.ts measures the times themselves.
    const [known, disabled] = [await registered(), await registered()];
    await setUser(disabled, { is_active: 0 });
    const wrong = { ...known, password: WRONG };
    for (const { email, password } of [known, wrong, newPerson(), disabled]) {
      const { services, costs, configured } = countingHashes();
      await runEndpoint(login, services, { body: { email, password } });
      expect(costs).toEqual([configured]);
    }
  });

  it("asks the limits before it computes a hash [LG-6]", async () => {
    const address = freshAddress();
    const { email, password } = await registered();
    const wrong = { email, password: WRONG };
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
    const wrong = () => post(LOGIN, { email: person.email, password: WRONG }, { address });
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

    expectProblem(await tryLogin(person, { address }), 429, "rate_limited");
    await logIn(person, {}, { address: freshAddress() });
  });

  it("does not make other clients wait longer because of attempts that are refused", async () => {
    const person = await registered();
    const [home, address] = [freshAddress(), freshAddress()];
    await logIn(person, {}, { address: home });
    const body = { email: person.email, password: WRONG };
    const statuses = await inTurn(120, () => post(LOGIN, body, { address }));
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(Number((await post(LOGIN, body)).headers.get("Retry-After"))).toBeLessThanOrEqual(30);
    await logIn(person, {}, { address: home });
  });

  it("counts an IPv6 network of /64 as one client, and takes it from CF-Connecting-IP alone [LG-5, LG-7]", async () => {
    const body = { email: newPerson().email, password: WRONG };
    const statuses = await inTurn(11, (attempt) => {
      const headers = { "X-Forwarded-For": freshAddress(), "X-Real-IP": freshAddress(), Forwarded: `for=${attempt}` };
      return post(LOGIN, body, { address: `2001:db8:ffff:1:${attempt}::1`, headers });
    });
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
    const impatient = appWith({ ...laneOf(1), RATE_LIMITING: "off" });
    const body = { email: newPerson().email, password: WRONG };
    const answers = await atOnce(12, () => post(LOGIN, body, {}, impatient));
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    expect(answers.length - busy.length).toBeGreaterThan(0);
    for (const answer of busy) {
      expectProblem(answer, 503, "busy");
      expect(answer.headers.get("Retry-After")).toBe("1");
    }
    const budgets = appWith(laneOf(1));
    const address = freshAddress();
    const tries = await atOnce(10, () => post(LOGIN, body, { address }, budgets));
    expect(tries.some(({ json }) => json.code === "busy")).toBe(true);
    expectProblem(await post(LOGIN, body, { address }, budgets), 401, "invalid_credentials");
    const registrations = await atOnce(12, () => register(newPerson(), impatient));
    expect(registrations.some(({ json }) => json.code === "busy")).toBe(true);
  });

  it("counts a guess at an account's password although there was no place to judge the registration beside it", async () => {
    const person = await registered();
    expect((await register({ ...newPerson(), email: person.email })).status).toBe(202);
    const services = coldIsolate();
    let turns = 0;
    // Each login checks two hashes: the account's and the registration's. This lane is full for every second one.
    const lane: HashingLane = { waiting: () => 0, run: async (work) => (turns++ % 2 === 0 ? work() : undefined) };
    const passwords = createPasswords(services.config.passwords, lane, services.random);
    const address = freshAddress();
    const body = { email: person.email, password: WRONG };
    const outcomes: unknown[] = [];
    for (let guess = 0; guess < 11; guess++) {
      outcomes.push(outcomeOf(await runEndpoint(login, extend(services, { passwords }), { body, address })));
    }
    expect(outcomes).toEqual([...Array(10).fill("busy"), "rate_limited"]);
  });

  it("logs in although the attempts can't be refunded", async () => {
    const person = await registered();
    const logs = recordLogs();
    const objectOf = env.RATE_LIMITER.getByName.bind(env.RATE_LIMITER);
    vi.spyOn(env.RATE_LIMITER, "getByName").mockImplementation((name) => {
      const object = objectOf(name);
      return new Proxy(object, {
        get: (target, method) =>
          method === "release" ? () => Promise.reject(new Error("out")) : Reflect.get(target, method),
      });
    });
    expect((await tryLogin(person, {}, appWith({}))).status).toBe(200);
    expect(logs().filter(({ event }) => event === "limiter_not_told")).toHaveLength(1);
  });
});
