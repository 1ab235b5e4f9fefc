/** Registration and the verification of addresses (docs/conformance.md, C). */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { register } from "../../src/features/register/register.ts";
import { deliverMails } from "../../src/mail/deliver.ts";
import { call, expectProblem, post } from "../support/client.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { logIn, mailedToken, mailsTo, registered, rowOf, somebody } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { countingHashes } from "./counting.ts";
import { shown } from "./shown.ts";

const REGISTER = "/api/v1/auth/register";
const VERIFY = "/api/v1/auth/verify-email";
const RESEND = "/api/v1/auth/resend-verification";
const LOGIN = "/api/v1/auth/login";

async function waiting() {
  const person = somebody();
  expect((await post(REGISTER, person)).status).toBe(202);
  return { ...person, token: await mailedToken(person.email) };
}

/** Whether a text lies in D1 or KV, apart from the mailbox of development. */
async function isStored(text: string): Promise<boolean> {
  const query =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'outbox'";
  const { results: tables } = await env.DB.prepare(query).all<{ name: string }>();
  const rows = await Promise.all(tables.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`).all()));
  const { keys } = await env.REVOCATIONS.list();
  const values = await Promise.all(keys.map(({ name }) => env.REVOCATIONS.get(name)));
  expect(tables.map(({ name }) => name)).toContain("registrations");
  return JSON.stringify([rows.map(({ results }) => results), keys, values]).includes(text);
}

describe("registration", () => {
  it("RG-1: answers a new and a known address alike, for the same work, and tells the owner by mail", async () => {
    const owner = await registered();
    const fresh = await post(REGISTER, somebody());
    const known = await post(REGISTER, { ...somebody(), email: owner.email });
    expect(fresh.status).toBe(202);
    expect(shown(known)).toEqual(shown(fresh));
    const [mail] = await mailsTo(owner.email, 2);
    expect(mail?.subject).toBe("You already have an account with Postern");

    // The cause of equal times; the times themselves: test/node/live-timing.test.ts.
    for (const email of [owner.email, somebody().email]) {
      const { services, costs, configured } = countingHashes();
      const answer = await runEndpoint(register, services, { body: { ...somebody(), email } });
      expect(outcomeOf(answer)).toEqual({ status: "verification_required" });
      expect(costs).toEqual([configured]);
    }
  });

  it("RG-2: takes addresses that differ in case alone for one account", async () => {
    const person = await registered();
    const [local = "", domain = ""] = person.email.split("@");
    for (const email of [`${local.toUpperCase()}@${domain}`, `${local}@${domain.toUpperCase()}`]) {
      expect((await logIn({ ...person, email })).answer.json.user.email).toBe(person.email);
      expect((await post(REGISTER, { ...somebody(), email })).status).toBe(202);
    }
    const [first, second] = await mailsTo(person.email, 3);
    for (const mail of [first, second]) expect(mail?.subject).toBe("You already have an account with Postern");
  });

  it("RG-3: seals links that expire within a day, work for one purpose and once, and are stored nowhere", async () => {
    const person = await waiting();
    expect(await isStored(person.token)).toBe(false);
    const mangled = `${person.token.slice(0, -6)}AAAAAA`;
    for (const token of [mangled, person.token.slice(4), "AAAA"]) {
      expectProblem(await post(VERIFY, { token }), 400, "invalid_token");
    }
    const atReset = await post("/api/v1/auth/reset-password", { token: person.token, new_password: person.password });
    expectProblem(atReset, 400, "invalid_token");
    expect((await post(VERIFY, { token: person.token })).status).toBe(200);

    const before = await rowOf(person.email);
    expect((await post(VERIFY, { token: person.token })).json).toEqual({ status: "verified" });
    expect(await rowOf(person.email), "the same link again does nothing").toEqual(before);
    expect(await isStored(person.token)).toBe(false);

    const late = await waiting();
    vi.setSystemTime(Date.now() + 24 * 3_600_000 + 1_000);
    expectProblem(await post(VERIFY, { token: late.token }), 400, "expired_token");
  });

  it("RG-4: gives no session to an account whose address nobody proved", async () => {
    const { token, ...person } = await waiting();
    const login = { email: person.email, password: person.password };
    expectProblem(await post(LOGIN, login), 403, "email_not_verified");
    expect((await post(VERIFY, { token })).status).toBe(200);
    await logIn(person);
  });

  it("RG-5: sends another link on demand, three an hour to an address, known or not, and one used link kills the others", async () => {
    const { email, token } = await waiting();
    expect((await post(RESEND, { email })).status).toBe(202);
    const second = await mailedToken(email, 2);
    expect(second).not.toBe(token);
    const unknown = somebody().email;
    expect((await post(RESEND, { email: unknown })).status).toBe(202);
    for (const address of [email, unknown]) {
      for (let time = 0; time < 2; time++) expect((await post(RESEND, { email: address })).status).toBe(202);
      expectProblem(await post(RESEND, { email: address }), 429, "rate_limited");
    }
    expect((await post(VERIFY, { token: second })).status).toBe(200);
    expectProblem(await post(VERIFY, { token }), 400, "invalid_token");
  });

  it("RG-6: is not verified by opening the link, however often", async () => {
    const { email, token } = await waiting();
    for (const method of ["GET", "GET", "HEAD"]) {
      expect((await call(method, `/verify-email?token=${token}`)).status).toBe(200);
      expectProblem(await call(method === "HEAD" ? "GET" : method, VERIFY), 405, "method_not_allowed");
    }
    expect(await rowOf(email)).toMatchObject({ is_verified: 0 });
    expect((await post(VERIFY, { token })).json).toEqual({ status: "verified" });
  });

  it("RG-7: lets nobody assign themselves a role, and brings no account along", async () => {
    const gifts = { role: "admin", roles: ["admin"], is_superuser: true, is_verified: true, emailVerified: true };
    for (const [field, value] of Object.entries(gifts)) {
      const answer = await post(REGISTER, { ...somebody(), [field]: value });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors).toMatchObject([{ field, code: "unknown_field" }]);
    }
    expect(await rowOf((await registered()).email)).toMatchObject({ role: "user", is_superuser: 0 });
    const migrations = env.TEST_MIGRATIONS.flatMap(({ queries }) => queries).join("\n");
    expect(migrations).toMatch(/CREATE TABLE `users`/);
    expect(migrations, "no row comes with the database").not.toMatch(/INSERT[^;]*VALUES/i);
  });

  it("RG-8: links to the configured origin whatever the request says, and keeps a mail until it is sent", async () => {
    const person = somebody();
    const headers = {
      Host: "evil.example",
      "X-Forwarded-Host": "evil.example",
      Forwarded: "host=evil.example",
      Origin: "https://evil.example",
    };
    expect((await post(REGISTER, person, { headers })).status).toBe(202);
    const [mail] = await mailsTo(person.email);
    expect(mail?.text).toMatch(/^http:\/\/localhost:8787\/verify-email#token=/m);
    expect(`${mail?.text}${mail?.html}`).not.toContain("evil.example");

    const registrationId = String((await rowOf(person.email))?.id);
    const id = crypto.randomUUID();
    const event = { kind: "verify_email", registrationId };
    const message = { id, timestamp: new Date(), attempts: 1, body: { id, requestedAt: Date.now(), event } };
    const batch = createMessageBatch("postern-mail", [message]) as Parameters<typeof deliverMails>[0];
    const transport = { deliver: () => Promise.reject(new Error("the provider is out")) };
    await deliverMails(batch, { ...coldIsolate(), transport });
    const { retryMessages, explicitAcks } = await getQueueResult(batch, createExecutionContext());
    expect({ retried: retryMessages.map(({ msgId }) => msgId), explicitAcks }).toEqual({
      retried: [id],
      explicitAcks: [],
    });
  });
});
