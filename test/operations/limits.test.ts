import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES, type LimitName } from "../../src/config/limit-rules.ts";
import { WITHOUT_KEY } from "../../src/features/operations/described-limits.ts";
import { forgotPassword, tryLogin } from "../support/account.ts";
import { type Answer, appWith, call, expectProblem, freshAddress, get, inTurn, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { eventsOf, loggedIn, logIn, newPerson, registered, withStanding } from "../support/people.ts";

const WRONG = "a wrong password, surely";
const root = withStanding("superuser");

async function ask(name: string, act: "look-up" | "reset", key: string, send = appWith({})): Promise<Answer> {
  const { accessToken: bearer } = await root;
  return post(`/api/v1/limits/${name}/${act}`, { key }, { bearer }, send);
}

async function left(name: LimitName, key: string): Promise<number> {
  const { json, status, text } = await ask(name, "look-up", key);
  expect(status, text).toBe(200);
  return json.remaining;
}

describe("the limits in force", () => {
  it("are listed with what RATE_LIMITS changes, and whether a key leads to them", async () => {
    const { accessToken: bearer } = await root;
    const { json } = await get("/api/v1/limits", { bearer }, appWith({ RATE_LIMITS: "registerPerAddress=5/1m" }));
    expect(json.items.map(({ name }: { name: string }) => name).toSorted()).toEqual(
      Object.keys(LIMIT_RULES).toSorted(),
    );
    expect(json.items).toContainEqual({
      ...{ name: "registerPerAddress", limit: 5, window_seconds: 60, per: "ip_address", has_key: true },
      description: "Registrations from one network.",
    });
    const without = json.items.filter(({ has_key }: { has_key: boolean }) => !has_key);
    expect(without.map(({ name }: { name: string }) => name).toSorted()).toEqual([
      "loginCodePerLink",
      "loginPerAccountAndAddress",
      "refreshPerSession",
      "secondFactorPerUser",
    ]);
  });
});

describe("an operator", () => {
  it("sees what failed logins have left of a network's budget, takes nothing by looking, and gives it back", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    const attempt = () => post("/api/v1/auth/login", { email: newPerson().email, password: WRONG }, { address });
    await inTurn(budget, attempt);
    expectProblem(await attempt(), 429, "rate_limited");
    const before = Date.now();
    const { json } = await ask("loginPerAddress", "look-up", address);
    expect(json).toMatchObject({ name: "loginPerAddress", limit: budget, remaining: 0 });
    expect(Date.parse(json.resets_at) - before).toBeGreaterThan(LIMIT_RULES.loginPerAddress.window / 2);
    expect((await ask("loginPerAddress", "reset", address)).status).toBe(204);
    expect([await left("loginPerAddress", address), await left("loginPerAddress", address)]).toEqual([budget, budget]);
    expectProblem(await attempt(), 401, "invalid_credentials");
    expect(await left("loginPerAddress", address)).toBe(budget - 1);
  });

  it("fills the budget of the /48 around an IPv6 address too", async () => {
    // Stops the clock, because one attempt becomes available again each second.
    vi.setSystemTime(Date.now());
    const { budget } = LIMIT_RULES.passwordStrengthPerAddress;
    const judge = (address: string) => post("/api/v1/auth/password-strength", { password: WRONG }, { address });
    for (let network = 0; network < 3; network++) await judge(`2001:db8:f00d:${network}::1`);
    expect(await left("passwordStrengthPerAddress", "2001:DB8:F00D:0:9::9")).toBe(budget - 1);
    expect((await ask("passwordStrengthPerAddress", "reset", "2001:db8:f00d:1::1")).status).toBe(204);
    expect(await left("passwordStrengthPerAddress", "2001:db8:f00d:1::2")).toBe(budget);
    // Another network in the /48 has its own budget, which was not reset.
    expect(await left("passwordStrengthPerAddress", "2001:db8:f00d:2::1")).toBe(budget - 1);
  });

  it("ends the pause after wrong guesses at both names of an account, but not the count towards the block", async () => {
    const person = await loggedIn();
    const names = [person.email, person.username];
    const { budget } = LIMIT_RULES.loginPerAccount;
    for (let guess = 0; guess < budget; guess++) {
      await tryLogin({ ...person, password: WRONG });
      if (guess % 2 === 0) await post("/api/v1/auth/login", { username: person.username, password: WRONG });
    }
    expectProblem(await tryLogin({ ...person, password: WRONG }), 429, "rate_limited");
    expect(await left("loginPerAccount", person.username)).toBe(0);
    expect((await ask("loginPerAccount", "reset", person.username.toUpperCase())).status).toBe(204);
    for (const name of names) expect(await left("loginPerAccount", name)).toBe(budget);
    expectProblem(await tryLogin({ ...person, password: WRONG }), 401, "invalid_credentials");
    await eventsOf(person.userId, "limit_reset");

    // A hundred in a row still block the password, no matter how often an operator ends the pauses.
    let guesses = budget + budget / 2 + 1;
    while (guesses < 110) {
      const { status } = await tryLogin({ ...person, password: WRONG });
      if (status === 429) await ask("loginPerAccount", "reset", person.email);
      else guesses += 1;
    }
    await ask("loginPerAccount", "reset", person.email);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
  });

  it("leaves the networks of earlier logins known", async () => {
    const address = freshAddress();
    const person = await logIn(await registered(), {}, { address });
    const { budget } = LIMIT_RULES.loginPerAccount;
    await inTurn(budget + 1, () => tryLogin({ ...person, password: WRONG }));
    await ask("loginPerAccount", "reset", person.email);
    await inTurn(budget + 1, () => tryLogin({ ...person, password: WRONG }));
    expectProblem(await tryLogin(person), 429, "rate_limited");
    const login = { email: person.email, password: person.password };
    expect((await post("/api/v1/auth/login", login, { address })).status).toBe(200);
  });

  it("sees and resets a name that no account has, and stores nothing where there was nothing", async () => {
    const { email } = newPerson();
    expect(await left("loginPerAccount", email)).toBe(LIMIT_RULES.loginPerAccount.budget);
    expect((await ask("loginPerAccount", "reset", email)).status).toBe(204);
    await inTurn(3, () => tryLogin({ email, password: WRONG }));
    expect(await left("loginPerAccount", email)).toBe(LIMIT_RULES.loginPerAccount.budget - 3);
  });

  it("lets an address get emails again, of all kinds", async () => {
    const { email } = newPerson();
    const { budget } = LIMIT_RULES.mailPerRecipient;
    expect(await inTurn(budget + 1, () => forgotPassword(email))).toEqual([...Array(budget).fill(202), 429]);
    const { json } = await ask("mailPerRecipient", "look-up", email.toUpperCase());
    expect(json).toMatchObject({ limit: budget, remaining: 0 });
    expect((await ask("mailPerRecipient", "reset", email)).status).toBe(204);
    expect((await forgotPassword(email)).status).toBe(202);
    await eventually(async () => {
      const total = LIMIT_RULES.strangerMailPerRecipient.budget;
      expect(await left("strangerMailPerRecipient", email)).toBe(total - 1);
    });
  });

  it("sees and resets what one user has used, also where the user's row has the number", async () => {
    const person = await loggedIn();
    const update = () => call("PUT", "/api/v1/users/me", { bearer: person.accessToken, body: { first_name: "Ada" } });
    expect((await update()).status).toBe(200);
    for (const name of ["changesPerUser", "profileChangePerUser", "loginsPerUser"] as const) {
      const { budget } = LIMIT_RULES[name];
      expect(await left(name, person.userId), name).toBe(budget - 1);
      expect((await ask(name, "reset", person.userId.toUpperCase())).status, name).toBe(204);
      expect(await left(name, person.userId), name).toBe(budget);
    }
    const [event] = await eventsOf(person.userId, "limit_reset", 3);
    expect(event).toMatchObject({ actor_id: (await root).userId });
    expect(await left("loginsPerUser", crypto.randomUUID())).toBe(LIMIT_RULES.loginsPerUser.budget);
  });

  it("is recorded by the name of the limit alone, without a key that is personal", async () => {
    const { email } = newPerson();
    await ask("mailPerAddress", "reset", "192.0.2.200");
    await ask("mailPerRecipient", "reset", email);
    const text = await eventually(async () => {
      const query = "SELECT * FROM audit_events WHERE type = 'limit_reset' AND actor_id = ? AND user_id IS NULL";
      const { results } = await env.DB.prepare(query)
        .bind((await root).userId)
        .all();
      const written = JSON.stringify(results);
      for (const name of ["mailPerAddress", "mailPerRecipient"]) expect(written).toContain(name);
      return written;
    });
    for (const key of ["192.0.2.200", email]) expect(text).not.toContain(key);
  });

  it("can't lift the bounds of their own account, which a stolen access token has too", async () => {
    const { email, userId, username } = await root;
    for (const act of ["look-up", "reset"] as const) {
      expectProblem(await ask("changesPerOperator", act, userId), 403, "forbidden");
      expectProblem(await ask("mailPerRecipient", act, email), 403, "forbidden");
      for (const name of [email, username]) expectProblem(await ask("loginPerAccount", act, name), 403, "forbidden");
    }
  });

  it.each(["loginPerAccountAndAddress", "secondFactorPerUser", "refreshPerSession", "loginCodePerLink"])(
    "gets the reason why no key leads to %s",
    async (name) => {
      for (const act of ["look-up", "reset"] as const) {
        const answer = await ask(name, act, "ada@example.com");
        expectProblem(answer, 422, "validation_failed");
        const [{ field, code, message }] = answer.json.errors;
        expect([field, code]).toEqual(["key", "no_such_key"]);
        expect(Object.values(WITHOUT_KEY)).toContain(message);
      }
    },
  );

  it.each([
    ["loginPerAddress", "not an address"],
    ["loginPerAddress", "999.1.1.1"],
    ["mailPerRecipient", "ada"],
    ["loginPerAccount", "a@b@c"],
    ["changesPerUser", "ada@example.com"],
  ])("gets an error for a key of another kind: %s and %s", async (name, key) => {
    const answer = await ask(name, "look-up", key);
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field: "key", code: "invalid_format" }]);
    expect(answer.text).not.toContain(key);
  });

  it.each(["nowhere", "toString", "constructor"])("gets an error for a limit that does not exist: %s", async (name) => {
    expectProblem(await ask(name, "reset", "192.0.2.1"), 404, "not_found");
  });

  it("sees full budgets with RATE_LIMITING=off", async () => {
    const off = appWith({ RATE_LIMITING: "off" });
    for (const [name, key] of [
      ["loginPerAddress", "192.0.2.1"],
      ["loginPerAccount", "ada"],
    ] as const) {
      const { json } = await ask(name, "look-up", key, off);
      expect(json.remaining).toBe(LIMIT_RULES[name].budget);
      expect((await ask(name, "reset", key, off)).status).toBe(204);
    }
  });
});
