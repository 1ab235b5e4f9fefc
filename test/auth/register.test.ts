import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { register as registerEndpoint } from "../../src/features/register/register.ts";
import { register, tryLogin, verifyEmail } from "../support/account.ts";
import { appWith, atOnce, expectProblem, inTurn, post, refusedFields, shown } from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { countRows } from "../support/database.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { withoutPauses } from "../support/held-timers.ts";
import { logIn, mailsTo, newPerson, registered, rowOf, unverified } from "../support/people.ts";
import { carryOutLeft, coldIsolate } from "../support/services.ts";

const REGISTER = "/api/v1/auth/register";

describe("POST /api/v1/auth/register", () => {
  it("accepts a new person and mails a verification link in the fragment of a URL of ours [RG-8]", async () => {
    const person = newPerson();
    const fields = { first_name: "Ada", last_name: "Lovelace", phone: "+441234567890" };
    const evil = "evil.example";
    const headers = { Host: evil, "X-Forwarded-Host": evil, Forwarded: `host=${evil}`, Origin: `https://${evil}` };
    const answer = await post(REGISTER, { ...person, ...fields }, { headers });
    expect(answer.status).toBe(202);
    expect(answer.json).toEqual({ status: "verification_required" });

    const [mail] = await mailsTo(person.email);
    expect(mail?.text).toMatch(/http:\/\/localhost:8787\/verify-email#token=[\w-]+>\n/);
    expect(mail?.html).toContain("http://localhost:8787/verify-email#token=");
    expect(`${mail?.text}${mail?.html}`, "the configured origin, not that of the request").not.toContain("evil");
    const standing = { role: "user", is_verified: 0, is_superuser: 0, is_active: 1 };
    expect(await rowOf(person.email)).toMatchObject({ ...fields, ...standing });
  });

  it("gives an address that has an account the same response, emails its owner and changes nothing [RG-1, RG-2]", async () => {
    const owner = await registered();
    const before = await rowOf(owner.email);
    const stranger = { ...newPerson(), email: owner.email.toUpperCase() };
    const fresh = await register(newPerson());
    const known = await register(stranger);

    expect(shown(known)).toEqual(shown(fresh));
    const [mail] = await mailsTo(owner.email, 2);
    expect(mail?.subject).toBe("You already have an account with Postern");
    expect(mail?.text).not.toContain("#token=");
    expect(await rowOf(owner.email)).toEqual(before);
  });

  it("computes one hash of the configured cost, whether or not the address has an account [RG-1]", async () => {
    // test/node/live-timing.test.ts measures the times themselves.
    for (const { email } of [await registered(), newPerson()]) {
      const { services, costs, configured } = countingHashes();
      const answer = await runEndpoint(registerEndpoint, services, { body: { ...newPerson(), email } });
      expect(outcomeOf(answer)).toEqual({ status: "verification_required" });
      expect(costs).toEqual([configured]);
    }
  });

  it("is the only way to an account at first: none comes with the database [RG-7]", () => {
    const migrations = env.TEST_MIGRATIONS.flatMap(({ queries }) => queries).join("\n");
    expect(migrations).toMatch(/CREATE TABLE `users`/);
    expect(migrations).not.toMatch(/INSERT[^;]*VALUES/i);
  });

  it("does not tell by the username, tried again, whether the address had an account", async () => {
    const owner = await registered();
    const [known, fresh] = [newPerson(), newPerson()];
    expect((await register({ ...known, email: owner.email })).status).toBe(202);
    expect((await register(fresh)).status).toBe(202);
    for (const { username } of [known, fresh]) {
      expectProblem(await register({ ...newPerson(), username }), 409, "username_taken");
    }
  });

  it("gives an address to the registration whose link is used, with the credentials that were chosen for it", async () => {
    const attacker = await unverified();
    const victim = await unverified({ ...newPerson(), email: attacker.email }, 2);
    const [newest] = await mailsTo(victim.email, 2);
    expect(newest?.text).toContain(`Your username is ${victim.username}.`);
    expect((await verifyEmail(victim.token)).status).toBe(200);

    expect((await logIn(victim)).answer.json.user).toMatchObject({ username: victim.username, is_verified: true });
    expectProblem(await tryLogin(attacker), 403, "email_not_verified");
  });

  it("does not tell by a login after it whether the address had an account", async () => {
    const [verified, waiting] = [await registered(), await unverified()];
    for (const email of [verified.email, waiting.email, newPerson().email]) {
      const stranger = { ...newPerson(), email };
      expect((await register(stranger)).status).toBe(202);
      for (const name of [{ email }, { username: stranger.username }]) {
        const right = await post("/api/v1/auth/login", { ...name, password: stranger.password });
        expectProblem(right, 403, "email_not_verified");
        const wrong = await post("/api/v1/auth/login", { ...name, password: "a wrong password, surely" });
        expectProblem(wrong, 401, "invalid_credentials");
      }
    }
    await logIn(verified);
  });

  it("sends the email later if the queue does not accept it now", async () => {
    const person = newPerson();
    const failing = vi.spyOn(env.MAIL_QUEUE, "send").mockRejectedValue(new Error("the queue is out"));
    expect((await withoutPauses(() => register(person, appWith({})))).status).toBe(202);
    expect(failing, "with three pauses between").toHaveBeenCalledTimes(4);
    failing.mockRestore();
    await carryOutLeft();
    await mailsTo(person.email);
  });

  it("does not tell by two registrations whether the address had an account", async () => {
    const verified = await registered();
    for (const email of [verified.email, newPerson().email]) {
      const [first, second] = [
        { ...newPerson(), email },
        { ...newPerson(), email },
      ];
      for (const person of [first, second]) expect((await register(person)).status).toBe(202);
      expectProblem(await tryLogin(first), 401, "invalid_credentials");
      expectProblem(await tryLogin(second), 403, "email_not_verified");
    }
  });

  it("does not learn that its address was verified by another", async () => {
    const attacker = await unverified();
    const owner = await unverified({ ...newPerson(), email: attacker.email }, 2);
    const probe = async () => [
      (await post("/api/v1/auth/login", { username: attacker.username, password: attacker.password })).status,
      (await register({ ...newPerson(), username: attacker.username })).status,
    ];
    const before = await probe();
    expect((await verifyEmail(owner.token)).status).toBe(200);
    expect(await probe()).toEqual(before);
    await logIn(owner);
  });

  it("is deleted if the address is not verified in time, and its username is free again", async () => {
    const [person, owner] = [newPerson(), await registered()];
    await register(person);
    await register({ ...newPerson(), email: owner.email });
    vi.setSystemTime(Date.now() + 31 * 86_400_000);
    await runCronTasks(coldIsolate());
    expect(await rowOf(person.email)).toBeNull();
    expect(await rowOf(owner.email), "an owner stays").not.toBeNull();
    // Counts only these addresses, because other tests' registrations may have later times, and stay.
    for (const { email } of [person, owner]) expect(await countRows("registrations", "email", email)).toBe(0);
  });

  it("leaves its username to the next user after its time, even before the cleanup job runs", async () => {
    const { username } = newPerson();
    const owner = await registered();
    expect((await post(REGISTER, { ...newPerson(), email: owner.email, username })).status).toBe(202);
    vi.setSystemTime(Date.now() + 31 * 86_400_000);
    expect((await register({ ...newPerson(), username })).status).toBe(202);
  });

  it("refuses a username that another user has, in any case, and names the field", async () => {
    const person = await registered();
    const answer = await register({ ...newPerson(), username: person.username.toUpperCase() });
    expectProblem(answer, 409, "username_taken");
    expect(answer.json.errors).toMatchObject([{ field: "username", code: "taken" }]);
  });

  it("gives one of two who claim a username at once the name, and the other 409", async () => {
    const { username } = newPerson();
    const answers = await atOnce(8, () => register({ ...newPerson(), username }));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array(7).fill(409)]);
  });

  it("makes one account of one address that registers many times at once", async () => {
    const { email } = newPerson();
    const answers = await atOnce(8, () => register({ ...newPerson(), email }));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await rowOf(email)).not.toBeNull();
  });

  it.each<[string, string | object, string[], string]>([
    ["no body at all", "{}", ["email", "username"], "required"],
    ["the field role", { role: "admin" }, ["role"], "unknown_field"],
    ["the field roles", { roles: ["admin"] }, ["roles"], "unknown_field"],
    ["the field is_superuser", { is_superuser: true }, ["is_superuser"], "unknown_field"],
    ["the field is_verified", { is_verified: true }, ["is_verified"], "unknown_field"],
    ["the field emailVerified", { emailVerified: true }, ["emailVerified"], "unknown_field"],
    ["two unknown fields", { role: "admin", surprise: "a-surprise" }, ["role", "surprise"], "unknown_field"],
    ["a number for an address", { email: 7 }, ["email"], "wrong_type"],
    ["an address without an at sign", { email: "ada.example.com" }, ["email"], "invalid_format"],
    ["an address of 300 characters", { email: `${"a".repeat(290)}@example.com` }, ["email"], "too_long"],
    ["a username with a space", { username: "ada lovelace" }, ["username"], "invalid_format"],
    ["a username that looks like an address", { username: "ada@example.com" }, ["username"], "invalid_format"],
    ["a password of 14 characters", { password: "fourteen chars" }, ["password"], "too_short"],
    ["a password of 8 emoji", { password: `🗝️${"🔑".repeat(7)}` }, ["password"], "too_short"],
    ["a password of 257 characters", { password: "p".repeat(257) }, ["password"], "too_long"],
    ["a password of half a character", { password: `${"p".repeat(20)}\ud800` }, ["password"], "invalid"],
    ["a name with a line break", { first_name: "Ada\nLovelace" }, ["first_name"], "invalid"],
    ["an empty name", { last_name: "   " }, ["last_name"], "too_short"],
    ["a phone number without a country", { phone: "01234567890" }, ["phone"], "invalid_format"],
  ])(
    "refuses %s, naming the field and never its value [HT-2, HT-5, PW-1, PW-2, RG-7]",
    async (_what, change, fields, code) => {
      const body = typeof change === "string" ? change : { ...newPerson(), ...change };
      const answer = await post(REGISTER, body);
      expectProblem(answer, 422, "validation_failed");
      expect(refusedFields(answer)).toEqual(fields);
      expect(new Set(answer.json.errors.map((error: { code: string }) => error.code))).toEqual(new Set([code]));
      for (const value of typeof change === "string" ? [] : Object.values(change)) {
        if (typeof value === "string") expect(answer.text).not.toContain(value);
      }
    },
  );

  it("lists every field that needs mending at once [HT-2]", async () => {
    const answer = await register({ email: "no", username: "a", password: "short" });
    expect(refusedFields(answer).sort()).toEqual(["email", "password", "username"]);
  });

  it.each([
    ["15 lower-case letters", "abcdefghijklmno"],
    ["15 emoji", "🔑".repeat(15)],
    ["digits alone", "7391846205482917"],
    ["letters of three scripts", "слон, мост и 橋 ok"],
    ["64 characters", "correct horse battery staple ".repeat(3).slice(0, 64)],
    ["256 characters", "x".repeat(256)],
  ])("takes a password of %s [PW-1, PW-2, PW-3]", async (_what, password) => {
    expect((await register({ ...newPerson(), password })).status).toBe(202);
  });

  it("limits how many accounts one address registers", async () => {
    const address = "203.0.113.7";
    const statuses = await inTurn(21, () => post(REGISTER, newPerson(), { address }));
    expect(statuses).toEqual([...Array(20).fill(202), 429]);
  });
});
