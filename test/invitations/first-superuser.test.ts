import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { tryLogin, verifyEmail } from "../support/account.ts";
import { appWith, atOnce, expectProblem, get, post } from "../support/client.ts";
import { countRows, setUser } from "../support/database.ts";
import { neverLog, recordLogs } from "../support/logs.ts";
import { logIn, newPerson, type Person, registered, rowOf, unverified, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const ACCEPT = "/api/v1/auth/accept-invitation";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

beforeEach(async () => {
  await env.DB.exec("UPDATE users SET is_superuser = 0");
  await env.DB.exec("DELETE FROM audit_events WHERE type = 'first_superuser_link_logged'");
});

const forAddress = (email: string, more = {}) => ({ FIRST_SUPERUSER_EMAIL: email, ...more });

/** What the cron job logs about the first superuser, with these variables. */
async function runCron(values: Record<string, string>) {
  const logs = recordLogs();
  await runCronTasks(coldIsolate(values));
  return logs().filter(({ event }) => event.startsWith("first_superuser"));
}

/** The links that the cron job logs for a person. */
async function offered(person: Person, more = {}) {
  const lines = await runCron(forAddress(person.email, more));
  return lines.map(({ link }) => {
    const url = new URL(String(link));
    const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? "";
    neverLog(token);
    return { url, token };
  });
}

async function offeredToken(person: Person, more = {}): Promise<string> {
  const [link] = await offered(person, more);
  expect(link).toBeDefined();
  return link?.token ?? "";
}

const accept = (person: Person, token: string, more = {}) =>
  post(ACCEPT, { ...person, token }, {}, appWith({ ...forAddress(person.email, more) }));

async function superusers(): Promise<unknown[]> {
  const { results } = await env.DB.prepare("SELECT email FROM users WHERE is_superuser = 1").all();
  return results.map(({ email }) => email);
}

describe("the link for the first superuser", () => {
  it("is logged by the cron job, leads to our page, and makes an admin with the superuser flag", async () => {
    const person = newPerson();
    const lines = await runCron(forAddress(person.email.toUpperCase(), { INVITATION_URL: "https://app.example.com/" }));
    expect(lines).toEqual([
      { level: "warn", event: "first_superuser_link", link: expect.any(String), expires_at: expect.any(String) },
    ]);
    expect(Math.abs(Date.parse(String(lines[0]?.expires_at)) - Date.now() - HOUR)).toBeLessThan(MINUTE);
    const { origin, pathname, search, hash } = new URL(String(lines[0]?.link));
    expect([origin, pathname, search]).toEqual(["http://localhost:8787", "/accept-invitation", ""]);
    const content = new URLSearchParams(hash.slice(1));
    expect(content.get("email")).toBe(person.email);

    const answer = await accept(person, content.get("token") ?? "");
    expect(answer.json).toEqual({ status: "verified" });
    const { accessToken: bearer, userId } = await logIn(person);
    const me = { role: "admin", is_superuser: true, is_verified: true };
    expect((await get("/api/v1/users/me", { bearer })).json).toMatchObject(me);
    const { items } = (await get(`/api/v1/audit-events?user_id=${userId}&type=superuser_granted`, { bearer })).json;
    expect(items).toMatchObject([{ actor_id: userId, details: { invitation_id: expect.any(String) } }]);
    const events = (await get("/api/v1/audit-events?type=first_superuser_link_logged", { bearer })).json.items;
    expect(events).toMatchObject([
      { id: items[0].details.invitation_id, actor_id: null, details: { address_mac: expect.any(String) } },
    ]);
  });

  it("is never logged without the variable, and not where there is a superuser", async () => {
    expect(await runCron({})).toEqual([]);
    await withStanding("superuser");
    expect(await runCron(forAddress(newPerson().email))).toEqual([]);
  });

  it("counts a superuser who is suspended: the operator of the database decides then", async () => {
    const superuser = await withStanding("superuser");
    await setUser(superuser, { is_active: 0 });
    expect(await runCron(forAddress(newPerson().email))).toEqual([]);
  });

  it("is logged once in its lifetime, by one of several runs, and again when it has expired", async () => {
    const person = newPerson();
    const runs = await Promise.all([offered(person), offered(person), offered(person)]);
    // Each run records the log lines of all three. These lines must have only one link.
    expect(new Set(runs.flat().map(({ token }) => token)).size).toBe(1);
    expect(await offered(person)).toEqual([]);
    vi.setSystemTime(Date.now() + HOUR - MINUTE);
    expect(await offered(person)).toEqual([]);
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    expect(await offered(person)).toHaveLength(1);
  });

  it("is logged at once for another address, for example after a typing mistake", async () => {
    const [wrong, right] = [newPerson(), newPerson()];
    const old = await offeredToken(wrong);
    const token = await offeredToken(right);
    expect(await offered(right)).toEqual([]);
    expectProblem(
      await post(ACCEPT, { ...wrong, token: old }, {}, appWith(forAddress(right.email))),
      400,
      "invalid_token",
    );
    expect((await accept(right, token)).status).toBe(200);
  });

  it("stops working after an hour", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    vi.setSystemTime(Date.now() + HOUR);
    expectProblem(await accept(person, token), 400, "expired_token");
    expect(await rowOf(person.email)).toBeNull();
  });

  it("works once, even if the account that it made is no superuser any more, or is gone", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    expect((await accept(person, token)).status).toBe(200);
    expectProblem(await accept(person, token), 409, "invitation_used");
    await setUser(person, { is_superuser: 0 });
    expectProblem(await accept(person, token), 409, "invitation_used");
    await setUser(person, { email: newPerson().email });
    expectProblem(await accept({ ...newPerson(), email: person.email }, token), 409, "invitation_used");
    expect(await superusers()).toEqual([]);
  });

  it("makes one superuser where it is used several times at once", async () => {
    const { email } = newPerson();
    const token = await offeredToken({ ...newPerson(), email });
    const answers = await atOnce(6, () => accept({ ...newPerson(), email }, token));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(5).fill(409)]);
    expect(await superusers()).toEqual([email]);
  });

  it("makes one superuser where two links to two addresses are used at once", async () => {
    const people = [newPerson(), newPerson()];
    const links: [Person, string][] = [];
    for (const person of people) {
      links.push([person, await offeredToken(person)]);
      await env.DB.exec("DELETE FROM audit_events WHERE type = 'first_superuser_link_logged'");
    }
    const answers = await Promise.all(links.map(([person, token]) => accept(person, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await superusers()).toHaveLength(1);
  });

  it("dies as soon as there is a superuser, even one made a moment before it takes effect", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    const other = await registered();
    const send = appInterrupted(
      "insert into `users`",
      () => setUser(other, { is_superuser: 1 }),
      [],
      forAddress(person.email),
    );
    expectProblem(await post(ACCEPT, { ...person, token }, {}, send), 409, "invitation_used");
    expectProblem(await accept(person, token), 409, "invitation_used");
    expect(await superusers()).toEqual([other.email]);
    expect(await countRows("users", "username", person.username)).toBe(0);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
  });

  it("is bound to its address and to the variable", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    const other = { ...newPerson(), token };
    expectProblem(await post(ACCEPT, other, {}, appWith(forAddress(other.email))), 400, "invalid_token");
    expectProblem(await post(ACCEPT, { ...person, token }, {}), 400, "invalid_token");
    expectProblem(await post(ACCEPT, { ...person, token }, {}, appWith(forAddress(other.email))), 400, "invalid_token");
    expect((await accept(person, token)).status).toBe(200);
  });

  it("works where registration is closed", async () => {
    const person = newPerson();
    const token = await offeredToken(person, { REGISTRATION: "closed" });
    expect((await accept(person, token, { REGISTRATION: "closed" })).status).toBe(200);
  });

  it("keeps working after a refused password or a username that is taken", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    const { username } = await registered();
    expectProblem(await accept({ ...person, password: "short" }, token), 422, "validation_failed");
    expectProblem(await accept({ ...person, username }, token), 409, "username_taken");
    expect((await accept(person, token)).status).toBe(200);
  });

  it("needs a password, also where invited people need none: emails may not work yet", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    const { password: _, ...rest } = person;
    const answer = await post(ACCEPT, { ...rest, token }, {}, appWith(forAddress(person.email, { EMAIL_LOGIN: "on" })));
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toEqual([{ field: "password", code: "required", message: "This field is required." }]);
    expect((await accept(person, token)).status).toBe(200);
  });

  it("takes the address from a registration that was never proved, with its password", async () => {
    const rival = await unverified();
    const person = { ...newPerson(), email: rival.email };
    expect((await accept(person, await offeredToken(person))).status).toBe(200);
    expectProblem(await verifyEmail(rival.token), 400, "invalid_token");
    expect((await logIn(person)).answer.json.user).toMatchObject({ is_superuser: true, username: person.username });
  });

  it("is not made for an address that has an account, which the log says", async () => {
    const owner = await registered();
    const taken = [{ level: "warn", event: "first_superuser_address_taken" }];
    expect(await runCron(forAddress(owner.email))).toEqual(taken);
    await setUser(owner, { is_active: 0 });
    expect(await runCron(forAddress(owner.email))).toEqual(taken);
    expect(await countRows("audit_events", "type", "first_superuser_link_logged")).toBe(0);
  });

  it("changes no account that its address got after it was logged", async () => {
    const person = newPerson();
    const token = await offeredToken(person);
    const owner = await registered({ ...newPerson(), email: person.email });
    expectProblem(await accept(person, token), 409, "invitation_used");
    expect((await logIn(owner)).answer.json.user).toMatchObject({ is_superuser: false });
  });
});
