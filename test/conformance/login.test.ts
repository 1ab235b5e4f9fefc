/** Login and its throttling (docs/conformance.md, D). */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { login } from "../../src/features/login/login.ts";
import { expectProblem, freshAddress, get, post } from "../support/client.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { recordLogs } from "../support/logs.ts";
import { eventsOf, loggedIn, logIn, registered, somebody } from "../support/people.ts";
import { countingHashes } from "./counting.ts";
import { tokenAbout } from "./mails.ts";
import { shown } from "./shown.ts";

const LOGIN = "/api/v1/auth/login";
const wrong = "a wrong password, surely";
const failLogin = (email: string, address = freshAddress(), headers: Record<string, string> = {}) =>
  post(LOGIN, { email, password: wrong }, { address, headers });

/** How many wrong passwords are judged at one address until it is refused. */
async function failuresUntilRefused(email: string, address = freshAddress()): Promise<number> {
  for (let failures = 0; failures < 100; failures++) {
    const answer = await failLogin(email, address);
    if (answer.status === 429) return failures;
    expectProblem(answer, 401, "invalid_credentials");
  }
  throw new Error("never refused");
}

async function disabled() {
  const person = await registered();
  await env.DB.prepare("UPDATE users SET is_active = 0 WHERE email = ?").bind(person.email).run();
  return person;
}

async function unverified() {
  const person = somebody();
  expect((await post("/api/v1/auth/register", person)).status).toBe(202);
  return person;
}

describe("login", () => {
  it("LG-1: answers an unknown name, a wrong password, a disabled and an unverified account alike, and tells after the right password alone", async () => {
    const suspended = await disabled();
    const waiting = await unverified();
    const emails = [(await registered()).email, somebody().email, suspended.email, waiting.email];
    const answers = [];
    for (const email of emails) answers.push(shown(await failLogin(email)));
    expect(answers[0]).toMatchObject({ status: 401, text: expect.stringContaining('"invalid_credentials"') });
    for (const answer of answers) expect(answer).toEqual(answers[0]);

    const right = ({ email, password }: typeof waiting) => post(LOGIN, { email, password });
    expectProblem(await right(suspended), 403, "account_disabled");
    expectProblem(await right(waiting), 403, "email_not_verified");
  });

  it("LG-2: computes one hash of the configured cost for a login, known user or not", async () => {
    // The times themselves: test/node/live-timing.test.ts.
    const known = await registered();
    for (const { email, password } of [known, { ...known, password: wrong }, somebody(), await disabled()]) {
      const { services, costs, configured } = countingHashes();
      await runEndpoint(login, services, { body: { email, password } });
      expect(costs).toEqual([configured]);
    }
  });

  it("LG-3: lets failures of one account wait longer and longer, and after 100 its password opens nothing new until it is reset", async () => {
    const person = await registered();
    const waits: number[] = [];
    for (let failures = 0; failures < 100; ) {
      const answer = await failLogin(person.email);
      if (answer.status === 429) {
        waits.push(Number(answer.headers.get("Retry-After")));
        vi.setSystemTime(Date.now() + (waits.at(-1) ?? 0) * 1_000 + 1);
        expect(waits.length, "each wait lets one more attempt through").toBeLessThanOrEqual(failures);
      } else {
        expectProblem(answer, 401, "invalid_credentials");
        failures += 1;
        if (failures < 10) expect(waits).toEqual([]);
        if (failures > 10) expect(waits).toHaveLength(failures - 10);
      }
    }
    expect(waits[0]).toBe(30);
    expect(waits[1]).toBeGreaterThan(30);
    expect(waits).toEqual(waits.toSorted((one, other) => one - other));
    expect(waits.at(-1)).toBe(3_600);

    vi.setSystemTime(Date.now() + 3_601_000);
    const right = { email: person.email, password: person.password };
    expectProblem(await post(LOGIN, right), 401, "invalid_credentials");
    await post("/api/v1/auth/forgot-password", { email: person.email });
    const body = {
      token: await tokenAbout(person.email, /^Reset your Postern password/, 2),
      new_password: "quite another one, mine",
    };
    expect((await post("/api/v1/auth/reset-password", body)).status).toBe(204);
    await logIn({ ...person, password: body.new_password });
  }, 120_000);

  it("LG-4: limits guesses from one address at many accounts, and locks nobody out of their recovery", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    const statuses: number[] = [];
    for (let guess = 0; guess <= budget; guess++) statuses.push((await failLogin(somebody().email, address)).status);
    expect(statuses).toEqual([...Array(budget).fill(401), 429]);

    const { email } = await registered();
    await failuresUntilRefused(email, freshAddress());
    for (const client of [address, freshAddress()]) {
      expect((await post("/api/v1/auth/forgot-password", { email }, { address: client })).status).toBe(202);
    }
  });

  it("LG-5: counts a name that nobody has like any other; a success begins anew, a wish for a reset does not", async () => {
    const person = await registered();
    const counts = [];
    for (const email of [person.email, somebody().email]) {
      let failures = 0;
      while (failures < 20 && (await failLogin(email)).status === 401) failures += 1;
      counts.push(failures);
    }
    expect(counts).toEqual([10, 10]);
    await post("/api/v1/auth/forgot-password", { email: person.email });
    expectProblem(await failLogin(person.email), 429, "rate_limited");

    const other = await registered();
    const address = "198.51.100.67";
    for (let round = 0; round < 2; round++) {
      for (let time = 0; time < 9; time++) {
        expectProblem(await failLogin(other.email, address), 401, "invalid_credentials");
      }
      await logIn(other, {}, { address });
    }
  }, 60_000);

  it("LG-6: asks the limits before it hashes anything", async () => {
    const network = "198.51.100.66";
    const { email, password } = await registered();
    await failuresUntilRefused(email, network);
    const { services, costs } = countingHashes();
    const answer = await runEndpoint(login, services, { body: { email, password }, address: network });
    expect(outcomeOf(answer)).toBe("rate_limited");
    expect(costs).toEqual([]);
  });

  it("LG-7: believes CF-Connecting-IP alone about where a request comes from", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    for (let count = 0; count < budget; count++) {
      expectProblem(await failLogin(somebody().email, address), 401, "invalid_credentials");
    }
    const spoofed = ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "X-Client-IP"];
    for (const name of spoofed) {
      const answer = await failLogin(somebody().email, address, { [name]: freshAddress() });
      expectProblem(answer, 429, "rate_limited");
    }
    const forwarded = { Forwarded: `for="[${freshAddress()}]"` };
    expectProblem(await failLogin(somebody().email, address, forwarded), 429, "rate_limited");
    expectProblem(await failLogin(somebody().email), 401, "invalid_credentials");
  });

  it("LG-8: opens a new session for each login, and adopts no id that a client sends", async () => {
    const person = await registered();
    const [first, second] = [await logIn(person), await logIn(person)];
    expect(second.sessionId).not.toBe(first.sessionId);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const login = { email: person.email, password: person.password };
    for (const field of ["sid", "session_id"]) {
      expectProblem(await post(LOGIN, { ...login, [field]: first.sessionId }), 422, "validation_failed");
    }
    const headers = { Cookie: `sid=${first.sessionId}; __Secure-postern_refresh=${first.refreshToken}` };
    const third = await logIn(person, {}, { headers });
    expect([first.sessionId, second.sessionId]).not.toContain(third.sessionId);
  });

  it("LG-9: keeps who logged in or failed to, when, from where and why, and logs no secret", async () => {
    const person = await loggedIn();
    const address = freshAddress();
    const headers = { "User-Agent": "Telescope/1.0", "X-Request-Id": `login-${crypto.randomUUID()}` };
    const logs = recordLogs();
    const before = Date.now();
    await failLogin(person.email, address, headers);
    const [failed] = await eventsOf(person.userId, "login_failed");
    const common = { user_id: person.userId, ip_address: address, user_agent: "Telescope/1.0" };
    expect(failed).toMatchObject({ ...common, actor_id: null, request_id: headers["X-Request-Id"] });
    expect(failed?.details).toBe(JSON.stringify({ reason: "wrong_password" }));
    expect(failed?.occurred_at).toBeGreaterThanOrEqual(before);

    const again = await logIn(person, {}, { address, headers });
    const [succeeded] = await eventsOf(person.userId, "login_succeeded", 2);
    expect(succeeded).toMatchObject({ ...common, actor_id: person.userId });
    expect(succeeded?.details).toBe(JSON.stringify({ session_id: again.sessionId }));

    await failuresUntilRefused(person.email, address);
    const lines = logs().filter(({ route }) => route === LOGIN);
    expect(lines[0]).toMatchObject({ request_id: headers["X-Request-Id"], error_code: "invalid_credentials" });
    expect(lines.at(-1)).toMatchObject({ status: 429, error_code: "rate_limited" });
    // That no line of the whole suite holds a password, a token or an address: test/support/setup.ts.
    for (const secret of [person.password, wrong, again.accessToken, again.refreshToken, person.email, address]) {
      expect(JSON.stringify(logs())).not.toContain(secret);
    }
    expect((await get("/api/v1/users/me", { bearer: again.accessToken })).status).toBe(200);
  });
});
