import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { composeMail } from "../../src/mail/compose.ts";
import { recoveryToken, register, resetPassword, tryLogin, verifyEmail } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import {
  appWith,
  atOnce,
  call,
  expectProblem,
  get,
  laneOf,
  post,
  refusedFields,
  type Send,
} from "../support/client.ts";
import { countRows, setUser } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { withoutPauses } from "../support/held-timers.ts";
import { recordLogs } from "../support/logs.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  rowOf,
  unverified,
  withStanding,
} from "../support/people.ts";
import { carryOutLeft, coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const INVITE = "/api/v1/invitations";
const ACCEPT = "/api/v1/auth/accept-invitation";
const HOUR = 3_600_000;

const byInvitation = appWith({ REGISTRATION: "invitation" });

let admin: LoggedIn;

beforeAll(async () => {
  admin = await withStanding("admin");
});

const invite = (body: object, send?: Send, bearer = admin.accessToken) => post(INVITE, body, { bearer }, send);

const accept = (body: object, send?: Send) => post(ACCEPT, body, {}, send);

/** Invites a person. Returns the person and the link's token. `mails`: how many emails the address then has. */
async function invited(person = newPerson(), mails = 1): Promise<Person & { token: string }> {
  const answer = await invite({ email: person.email });
  expect(answer.status, answer.text).toBe(202);
  return { ...person, token: await mailedToken(person.email, mails) };
}

/** The email of an invitation, with some members of its event changed. */
async function composed(change: object, values = {}) {
  const event = {
    ...{ kind: "invitation" as const, invitationId: crypto.randomUUID(), inviterId: admin.userId, locale: "en" },
    ...{ email: newPerson().email, expiresAt: Date.now() + HOUR },
    ...change,
  };
  return composeMail({ id: crypto.randomUUID(), requestedAt: Date.now(), event }, true, coldIsolate(values));
}

async function registrationsOf(email: string): Promise<unknown[]> {
  const { results } = await env.DB.prepare("SELECT username FROM registrations WHERE email = ?").bind(email).all();
  return results.map(({ username }) => username);
}

describe("POST /api/v1/invitations", () => {
  it("mails a link to our page, with token and address in the fragment, and says until when it is good", async () => {
    const { email } = newPerson();
    const before = Date.now();
    const answer = await invite({ email: email.toUpperCase() });
    expect(answer.status).toBe(202);
    expect(answer.json.status).toBe("accepted");
    const expiresIn = Date.parse(answer.json.expires_at) - before;
    expect(Math.abs(expiresIn - 24 * HOUR)).toBeLessThan(60_000);

    const [mail] = await mailsTo(email);
    expect(mail?.subject).toBe("You've been invited to Postern");
    expect(mail?.text).toContain(`${admin.username} has invited you`);
    const [url = ""] = /http[^\s>]+/.exec(mail?.text ?? "") ?? [];
    const { origin, pathname, search, hash } = new URL(url);
    expect([origin, pathname, search]).toEqual(["http://localhost:8787", "/accept-invitation", ""]);
    expect(new URLSearchParams(hash.slice(1)).get("email")).toBe(email);
    expect(await rowOf(email), "no user yet").toBeNull();
    expect(await registrationsOf(email)).toEqual([]);
  });

  it("sends the email in the requested language, otherwise in that of the operator", async () => {
    const [german, own] = [newPerson(), newPerson()];
    await invite({ email: german.email, locale: "de" });
    expect((await mailsTo(german.email))[0]?.subject).toBe("Sie sind zu Postern eingeladen");
    const speaker = await withStanding("admin");
    await setUser(speaker, { locale: "de" });
    await invite({ email: own.email }, undefined, speaker.accessToken);
    expect((await mailsTo(own.email))[0]?.subject).toBe("Sie sind zu Postern eingeladen");
  });

  it("leads to a page of one's own where one is configured, for as long as is configured", async () => {
    const send = appWith({ INVITATION_EXPIRE_HOURS: "2" });
    const answer = await invite({ email: newPerson().email }, send);
    expect(Math.abs(Date.parse(answer.json.expires_at) - Date.now() - 2 * HOUR)).toBeLessThan(60_000);

    const values = { INVITATION_URL: "https://app.example.com/welcome/" };
    const mail = await composed({ email: "ada+tag&x=1@example.com" }, values);
    expect(mail?.text).toMatch(
      /https:\/\/app\.example\.com\/welcome#token=[\w-]+&email=ada%2Btag%26x%3D1%40example\.com>\n/,
    );
  });

  it("is refused where registration is closed, and allowed where it is open or by invitation", async () => {
    const closed = await invite({ email: newPerson().email }, appWith({ REGISTRATION: "closed" }));
    expectProblem(closed, 403, "registration_closed");
    for (const send of [appWith({ REGISTRATION: "open" }), byInvitation]) {
      expect((await invite({ email: newPerson().email }, send)).status).toBe(202);
    }
  });

  it("tells the operator that an address has an account, and sends no email", async () => {
    const owner = await registered();
    expectProblem(await invite({ email: owner.email }), 409, "email_taken");
    // An owner whom an operator set to unverified is still an owner.
    await setUser(owner, { is_verified: 0 });
    expectProblem(await invite({ email: owner.email }), 409, "email_taken");
    expect(await mailsTo(owner.email)).toHaveLength(1);
  });

  it("needs an access token", async () => {
    expectProblem(await post(INVITE, { email: newPerson().email }), 401, "unauthorized");
  });

  it.each([
    ["no address", {}, "email", "required"],
    ["no address that is one", { email: "ada" }, "email", "invalid_format"],
    ["a language that no mail is written in", { email: "ada@example.com", locale: "tlh" }, "locale", "invalid"],
    ["a role", { email: "ada@example.com", role: "admin" }, "role", "unknown_field"],
  ])("refuses %s", async (_, body, field, code) => {
    const answer = await invite(body);
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field, code }]);
  });

  it("is stored with its email, which is sent later if the queue does not take it", async () => {
    const { email } = newPerson();
    vi.spyOn(env.MAIL_QUEUE, "send").mockRejectedValue(new Error("the queue is out"));
    expect((await withoutPauses(() => invite({ email }, appWith({})))).status).toBe(202);
    vi.restoreAllMocks();
    await carryOutLeft();
    await mailsTo(email);
  });

  it("emails one address three times an hour at most, for all operators together", async () => {
    const { email } = newPerson();
    const other = await withStanding("admin");
    const { budget } = LIMIT_RULES.mailPerRecipient;
    for (let time = 0; time < budget; time++) expect((await invite({ email })).status).toBe(202);
    const answer = await invite({ email }, undefined, other.accessToken);
    expectProblem(answer, 429, "rate_limited");
    expect(answer.headers.get("RateLimit-Policy")).toContain('"invitationsPerUser";q=100;w=3600');
  });

  it("limits the invitations of one operator", async () => {
    const eager = await withStanding("admin");
    const { budget } = LIMIT_RULES.invitationsPerUser;
    const { limiter } = coldIsolate();
    const limits = [{ rule: "invitationsPerUser", key: eager.userId } as const];
    await atOnce(budget, () => limiter.take(limits));
    expectProblem(await invite({ email: newPerson().email }, undefined, eager.accessToken), 429, "rate_limited");
    expect((await invite({ email: newPerson().email })).status).toBe(202);
  });

  it("is in the audit log and in the operator's export, without the address", async () => {
    const operator = await withStanding("superuser");
    const { email } = newPerson();
    expect((await invite({ email }, undefined, operator.accessToken)).status).toBe(202);
    const rows = await eventually(async () => {
      const query = "SELECT * FROM audit_events WHERE actor_id = ? AND type = 'user_invited'";
      const { results } = await env.DB.prepare(query).bind(operator.userId).all();
      expect(results).toHaveLength(1);
      return results;
    });
    expect(rows[0]).toMatchObject({ user_id: null });
    expect(JSON.parse(String(rows[0]?.details))).toEqual({ invitation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(JSON.stringify(rows)).not.toContain(email);
    const { json } = await get("/api/v1/users/me/export", { bearer: operator.accessToken });
    expect(json.events_of_others.map(({ type }: { type: string }) => type)).toContain("user_invited");
  });
});

describe("the mail of an invitation", () => {
  it("goes to an address without an account", async () => {
    expect(await composed({})).toBeDefined();
    const { email } = await unverified();
    expect(await composed({ email })).toMatchObject({ to: email });
  });

  it("is not sent to an address with an account, for a deleted operator, or too late", async () => {
    expect(await composed({ email: (await registered()).email })).toBeUndefined();
    expect(await composed({ inviterId: crypto.randomUUID() })).toBeUndefined();
    expect(await composed({ expiresAt: Date.now() })).toBeUndefined();
  });
});

describe("POST /api/v1/auth/accept-invitation", () => {
  it("makes the invited person a verified user, even if registration is by invitation", async () => {
    const person = newPerson();
    expectProblem(await register(person, byInvitation), 403, "invitation_required");
    expect((await invite({ email: person.email }, byInvitation)).status).toBe(202);
    const token = await mailedToken(person.email);
    const more = { first_name: "Ada", last_name: "Lovelace", phone: "+441234567890" };
    const options = { headers: { "Accept-Language": "de" } };
    const answer = await post(ACCEPT, { ...person, ...more, token }, options, byInvitation);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json).toEqual({ status: "verified" });

    const { user } = (await logIn(person)).answer.json;
    expect(user).toMatchObject({ email: person.email, username: person.username, is_verified: true, ...more });
    expect(user).toMatchObject({ role: "user", is_superuser: false, is_active: true });
    expect(await rowOf(person.email)).toMatchObject({ locale: "de", session_epoch: 0 });
    const [event] = await eventsOf(user.id, "invitation_accepted");
    expect(event).toMatchObject({ actor_id: user.id });
    const query = "SELECT details FROM audit_events WHERE type = 'user_invited' AND details = ?";
    await eventually(async () =>
      expect(await env.DB.prepare(query).bind(event?.details).first(), "they name one").not.toBeNull(),
    );
  });

  it("works once: later clicks are told that the address has an account", async () => {
    const person = await invited();
    const { token } = person;
    expect((await accept(person)).status).toBe(200);
    const row = await rowOf(person.email);
    const thief = { ...newPerson(), email: person.email, token };
    for (const again of [person, thief]) {
      const answer = await accept(again);
      expectProblem(answer, 409, "invitation_used");
      expect(answer.json.detail).toContain("Log in");
    }
    expect(await rowOf(person.email)).toEqual(row);
  });

  it("works once, wherever the account has moved meanwhile", async () => {
    const person = await invited();
    expect((await accept(person)).status).toBe(200);
    await setUser(person, { email: newPerson().email });
    const thief = { ...newPerson(), email: person.email, token: person.token };
    expectProblem(await accept(thief), 409, "invitation_used");
    // The link stays invalid even if the person's former address is registered again.
    await unverified({ ...newPerson(), email: person.email }, 2);
    expectProblem(await accept(thief), 409, "invitation_used");
    expect(await rowOf(person.email)).toMatchObject({ is_verified: 0 });
  });

  it("kills every other invitation of the address", async () => {
    const first = await invited();
    const second = await invited(first, 2);
    expect(second.token).not.toBe(first.token);
    expect((await accept(second)).status).toBe(200);
    expectProblem(await accept(first), 409, "invitation_used");
  });

  it("is refused where registration is closed, and good again when it is not", async () => {
    const person = await invited();
    expectProblem(await accept(person, appWith({ REGISTRATION: "closed" })), 403, "registration_closed");
    expect((await accept(person)).status).toBe(200);
  });

  it("refuses a link after its time", async () => {
    const person = await invited();
    vi.setSystemTime(Date.now() + 24 * HOUR + 1_000);
    expectProblem(await accept(person), 400, "expired_token");
    expect(await rowOf(person.email)).toBeNull();
  });

  it("refuses a link with another address than the invited one", async () => {
    const person = await invited();
    const { email } = newPerson();
    expectProblem(await accept({ ...person, email }), 400, "invalid_token");
    expect(await rowOf(email)).toBeNull();
    expect((await accept({ ...person, email: person.email.toUpperCase() })).status, "in any case").toBe(200);
  });

  it("refuses a forged, mangled or truncated token without touching the directory", async () => {
    const person = await invited();
    const { token } = person;
    const logs = recordLogs();
    for (const forged of [altered(token), token.slice(0, -2), `${token}AA`, "AAAA", "ÿ", "x".repeat(1024)]) {
      expectProblem(await accept({ ...person, token: forged }), 400, "invalid_token");
    }
    for (const line of logs()) expect(line.storage_calls, "the limits of the network alone").toBe(1);
    expect(await rowOf(person.email)).toBeNull();
  });

  it("refuses tokens of other purposes, and its own is good for nothing else", async () => {
    const waiting = await unverified();
    expectProblem(await accept(waiting), 400, "invalid_token");
    const owner = await registered();
    const reset = { ...newPerson(), email: owner.email, token: await recoveryToken(owner) };
    expectProblem(await accept(reset), 400, "invalid_token");

    const { token, password } = await invited();
    for (const path of ["verify-email", "confirm-email", "undo-email-change"]) {
      expectProblem(await post(`/api/v1/auth/${path}`, { token }), 400, "invalid_token");
    }
    expectProblem(await resetPassword(token, password), 400, "invalid_token");
  });

  it("leaves the link good where the username is taken: by a user, or by one who was deleted lately", async () => {
    const person = await invited();
    const [user, leaver] = [await registered(), await loggedIn()];
    const left = { bearer: leaver.accessToken, body: { password: leaver.password } };
    expect((await call("DELETE", "/api/v1/users/me", left)).status).toBe(204);
    for (const { username } of [user, leaver]) {
      const answer = await accept({ ...person, username: username.toUpperCase() });
      expectProblem(answer, 409, "username_taken");
      expect(answer.json.errors).toMatchObject([{ field: "username", code: "taken" }]);
      expect(await rowOf(person.email)).toBeNull();
    }
    expect((await accept(person)).status).toBe(200);
    await logIn(person);
  });

  it("leaves the link good where the password is refused, by the rule of registration", async () => {
    const person = await invited();
    const answer = await accept({ ...person, password: "fourteen chars" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field: "password", code: "too_short" }]);
    expect((await accept(person)).status).toBe(200);
  });

  it("leaves the link good when too many passwords are being checked", async () => {
    const people: (Person & { token: string })[] = [];
    for (let index = 0; index < 4; index++) people.push(await invited());
    const narrow = appWith(laneOf(0));
    const answers = await Promise.all(people.map((person) => accept(person, narrow)));
    expect(answers.some(({ json }) => json.code === "busy")).toBe(true);
    for (const [index, person] of people.entries()) {
      if (answers[index]?.status === 503) expect((await accept(person)).status).toBe(200);
      await logIn(person);
    }
  });

  it.each([
    ["no body at all", {}, ["token", "email", "username"], "required"],
    ["a role", { role: "admin", is_superuser: true }, ["role", "is_superuser"], "unknown_field"],
    ["a username with a space", { username: "ada lovelace" }, ["username"], "invalid_format"],
    ["a phone number without a country", { phone: "01234567890" }, ["phone"], "invalid_format"],
  ])("refuses %s, naming the field", async (what, change, fields, code) => {
    const body = what === "no body at all" ? {} : { ...newPerson(), token: "AAAA", ...change };
    const answer = await accept(body);
    expectProblem(answer, 422, "validation_failed");
    expect(refusedFields(answer)).toEqual(fields);
    expect(new Set(answer.json.errors.map((error: { code: string }) => error.code))).toEqual(new Set([code]));
  });
});

describe("an invitation of an address that is registered but not verified", () => {
  it("gives the address to the invited person, and tells the other registration nothing", async () => {
    const attacker = await unverified();
    const person = await invited({ ...newPerson(), email: attacker.email }, 2);
    const probe = async () => [
      (await post("/api/v1/auth/login", { username: attacker.username, password: attacker.password })).status,
      (await register({ ...newPerson(), username: attacker.username })).status,
    ];
    const before = await probe();
    expect((await accept(person)).status).toBe(200);
    expect(await probe()).toEqual(before);
    const { user } = (await logIn(person)).answer.json;
    expect(user).toMatchObject({ username: person.username, is_verified: true, first_name: null });
    expectProblem(await verifyEmail(attacker.token), 400, "invalid_token");
    expect(await registrationsOf(person.email), "it waits on in vain").toEqual([attacker.username]);
  });

  it("takes the username that they registered there themselves", async () => {
    const waiting = await unverified();
    const person = await invited({ ...waiting, password: "another fine password" }, 2);
    expect((await accept(person)).status).toBe(200);
    await logIn(person);
    expect(await registrationsOf(person.email)).toEqual([]);
  });

  it("finds a username free again whose time to be proved is over", async () => {
    const owner = await registered();
    const stale = { ...newPerson(), email: owner.email };
    await register(stale);
    const query = `UPDATE registrations SET created_at = created_at - ${31 * 24 * HOUR} WHERE username = ?`;
    await env.DB.prepare(query).bind(stale.username).run();
    const person = { ...(await invited()), username: stale.username };
    expect((await accept(person)).status).toBe(200);
  });
});

describe("races of an invitation", () => {
  it("make one account of one link that is used many times at once", async () => {
    const { email, token } = await invited();
    const people = Array.from({ length: 6 }, () => ({ ...newPerson(), email, token }));
    const answers = await Promise.all(people.map((person) => accept(person)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(5).fill(409)]);
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, "invitation_used");
    const winner = people[answers.findIndex(({ status }) => status === 200)] ?? newPerson();
    await logIn(winner);
    expect(await countRows("users", "email", email)).toBe(1);
  });

  it("make one account of two invitations that are used at once with one username", async () => {
    const [one, other] = [await invited(), await invited()];
    const rivals = [one, { ...other, username: one.username }];
    const answers = await Promise.all(rivals.map((person) => accept(person)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, "username_taken");
  });

  it("leave the account to who verified a registration a moment before", async () => {
    const rival = await unverified();
    const person = await invited({ ...newPerson(), email: rival.email }, 2);
    const send = appInterrupted("insert into `users`", async () => {
      expect((await verifyEmail(rival.token)).status).toBe(200);
    });
    expectProblem(await accept(person, send), 409, "invitation_used");
    await logIn(rival);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
  });

  it("leave the account to who accepts a moment before a registration is verified", async () => {
    const rival = await unverified();
    const person = await invited({ ...newPerson(), email: rival.email }, 2);
    const send = appInterrupted("update `users`", async () => {
      expect((await accept(person)).status).toBe(200);
    });
    expectProblem(await verifyEmail(rival.token, send), 400, "invalid_token");
    await logIn(person);
  });

  it("take the address from who registers it a moment before", async () => {
    const person = await invited();
    let token = "";
    const send = appInterrupted("insert into `users`", async () => {
      expect((await register({ ...newPerson(), email: person.email })).status).toBe(202);
      token = await mailedToken(person.email, 2);
    });
    expect((await accept(person, send)).status).toBe(200);
    await logIn(person);
    expectProblem(await verifyEmail(token), 400, "invalid_token");
  });

  it("leave the address to who confirmed it as their new one a moment before", async () => {
    const person = await invited();
    const mover = await loggedIn();
    const wish = { email: person.email, password: mover.password };
    expect((await post("/api/v1/users/me/email", wish, { bearer: mover.accessToken })).status).toBe(202);
    const token = await mailedToken(person.email, 2);
    const send = appInterrupted("insert into `users`", async () => {
      expect((await post("/api/v1/auth/confirm-email", { token })).status).toBe(200);
    });
    expectProblem(await accept(person, send), 409, "invitation_used");
    await logIn({ ...mover, email: person.email });
  });
});
