import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { composeMail } from "../../src/mail/compose.ts";
import { appWith, call, expectProblem, freshAddress, get, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  type Person,
  registered,
  rowOf,
  somebody,
  withStanding,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const INVITE = "/api/v1/invitations";
const ACCEPT = "/api/v1/auth/accept-invitation";
const REGISTER = "/api/v1/auth/register";
const VERIFY = "/api/v1/auth/verify-email";
const HOUR = 3_600_000;

const byInvitation = appWith({ REGISTRATION: "invitation" });
/** Everybody finds a place in the hashing lane. */
const patient = appWith({ HASH_LANE_LENGTH: "64" });

let admin: LoggedIn;

beforeAll(async () => {
  admin = await withStanding("admin");
});

const invite = (body: object, send?: ReturnType<typeof appWith>, bearer = admin.accessToken) =>
  post(INVITE, body, { bearer }, send);

/** The link that invites an address, and somebody who may follow it. `mails` went there, this one among them. */
async function invited(person = somebody(), mails = 1): Promise<Person & { token: string }> {
  const answer = await invite({ email: person.email });
  expect(answer.status, answer.text).toBe(202);
  return { ...person, token: await mailedToken(person.email, mails) };
}

/** Somebody who registered an address and never proved it, and the token that would. */
async function waitingAt(email: string): Promise<Person & { token: string }> {
  const person = { ...somebody(), email };
  expect((await post(REGISTER, person)).status).toBe(202);
  return { ...person, token: await mailedToken(email) };
}

async function registrationsOf(email: string): Promise<unknown[]> {
  const { results } = await env.DB.prepare("SELECT username FROM registrations WHERE email = ?").bind(email).all();
  return results.map(({ username }) => username);
}

describe("POST /api/v1/invitations", () => {
  it("mails a link to our page, with token and address in the fragment, and says until when it is good", async () => {
    const { email } = somebody();
    const before = Date.now();
    const answer = await invite({ email: email.toUpperCase() });
    expect(answer.status).toBe(202);
    expect(answer.json.status).toBe("accepted");
    const expiresIn = Date.parse(answer.json.expires_at) - before;
    expect(Math.abs(expiresIn - 24 * HOUR)).toBeLessThan(60_000);

    const [mail] = await mailsTo(email);
    expect(mail?.subject).toBe("You've been invited to Postern");
    expect(mail?.text).toContain(`${admin.username} has invited you`);
    const [url = ""] = /http\S+/.exec(mail?.text ?? "") ?? [];
    const { origin, pathname, search, hash } = new URL(url);
    expect([origin, pathname, search]).toEqual(["http://localhost:8787", "/accept-invitation", ""]);
    expect(new URLSearchParams(hash.slice(1)).get("email")).toBe(email);
    expect(await rowOf(email), "nothing is kept of an invitation").toBeNull();
    expect(await registrationsOf(email)).toEqual([]);
  });

  it("mails in the language that is asked for, otherwise in that of whoever invites", async () => {
    const [german, own] = [somebody(), somebody()];
    await invite({ email: german.email, locale: "de" });
    expect((await mailsTo(german.email))[0]?.subject).toBe("Sie sind zu Postern eingeladen");
    const speaker = await withStanding("admin");
    await env.DB.prepare("UPDATE users SET locale = 'de' WHERE id = ?").bind(speaker.userId).run();
    await invite({ email: own.email }, undefined, speaker.accessToken);
    expect((await mailsTo(own.email))[0]?.subject).toBe("Sie sind zu Postern eingeladen");
  });

  it("leads to a page of one's own where one is configured, for as long as is configured", async () => {
    const send = appWith({ INVITATION_EXPIRE_HOURS: "2" });
    const answer = await invite({ email: somebody().email }, send);
    expect(Math.abs(Date.parse(answer.json.expires_at) - Date.now() - 2 * HOUR)).toBeLessThan(60_000);

    const event = {
      ...{ kind: "invitation" as const, invitationId: crypto.randomUUID(), inviterId: admin.userId, locale: "en" },
      ...{ email: "ada+tag&x=1@example.com", expiresAt: Date.now() + HOUR },
    };
    const request = { id: crypto.randomUUID(), requestedAt: Date.now(), event };
    const own = coldIsolate({ INVITATION_URL: "https://app.example.com/welcome/" });
    const mail = await composeMail(request, true, own);
    expect(mail?.text).toMatch(
      /https:\/\/app\.example\.com\/welcome#token=[\w-]+&email=ada%2Btag%26x%3D1%40example\.com\n/,
    );
  });

  it("is refused where registration is closed, and allowed where it is open or by invitation", async () => {
    expectProblem(
      await invite({ email: somebody().email }, appWith({ REGISTRATION: "closed" })),
      403,
      "registration_closed",
    );
    for (const send of [appWith({ REGISTRATION: "open" }), byInvitation]) {
      expect((await invite({ email: somebody().email }, send)).status).toBe(202);
    }
  });

  it("tells an operator that an address has an account, and mails nobody", async () => {
    const owner = await registered();
    expectProblem(await invite({ email: owner.email }), 409, "email_taken");
    // An owner whose verification an operator took away is one still.
    await env.DB.prepare("UPDATE users SET is_verified = 0 WHERE email = ?").bind(owner.email).run();
    expectProblem(await invite({ email: owner.email }), 409, "email_taken");
    const { json } = await get("/dev/outbox");
    expect(json.items.filter(({ to }: { to: string }) => to === owner.email)).toHaveLength(1);
  });

  it("needs an access token", async () => {
    expectProblem(await post(INVITE, { email: somebody().email }), 401, "unauthorized");
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

  it("can be tried again when the queue did not take the mail", async () => {
    const { email } = somebody();
    vi.spyOn(env.MAIL_QUEUE, "send").mockRejectedValueOnce(new Error("the queue is out"));
    const send = appWith({});
    expectProblem(await invite({ email }, send), 503, "unavailable");
    expect((await invite({ email }, send)).status).toBe(202);
    await mailsTo(email);
  });

  it("mails one address three times an hour at most, whoever invites", async () => {
    const { email } = somebody();
    const other = await withStanding("admin");
    const { budget } = LIMIT_RULES.mailPerRecipient;
    for (let time = 0; time < budget; time++) expect((await invite({ email })).status).toBe(202);
    const answer = await invite({ email }, undefined, other.accessToken);
    expectProblem(answer, 429, "rate_limited");
    expect(answer.headers.get("RateLimit-Policy")).toContain('"invitationsPerUser";q=100;w=3600');
  });

  it("lets nobody invite the whole world", async () => {
    const eager = await withStanding("admin");
    const { budget } = LIMIT_RULES.invitationsPerUser;
    const { limiter } = coldIsolate();
    const limits = [{ rule: "invitationsPerUser", key: eager.userId } as const];
    await Promise.all(Array.from({ length: budget }, () => limiter.take(limits)));
    expectProblem(await invite({ email: somebody().email }, undefined, eager.accessToken), 429, "rate_limited");
    expect((await invite({ email: somebody().email })).status).toBe(202);
  });

  it("is in the audit log and in what is held about whoever invited, without the address", async () => {
    const operator = await withStanding("superuser");
    const { email } = somebody();
    expect((await invite({ email }, undefined, operator.accessToken)).status).toBe(202);
    const rows = await vi.waitFor(
      async () => {
        const query = "SELECT * FROM audit_events WHERE actor_id = ? AND type = 'user_invited'";
        const { results } = await env.DB.prepare(query).bind(operator.userId).all();
        expect(results).toHaveLength(1);
        return results;
      },
      { timeout: 15_000, interval: 50 },
    );
    expect(rows[0]).toMatchObject({ user_id: null });
    expect(JSON.parse(String(rows[0]?.details))).toEqual({ invitation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(JSON.stringify(rows)).not.toContain(email);
    const { json } = await get("/api/v1/users/me/export", { bearer: operator.accessToken });
    expect(json.events_of_others.map(({ type }: { type: string }) => type)).toContain("user_invited");
  });
});

describe("the mail of an invitation", () => {
  async function composed(change: object) {
    const event = {
      ...{ kind: "invitation" as const, invitationId: crypto.randomUUID(), inviterId: admin.userId, locale: "en" },
      ...{ email: somebody().email, expiresAt: Date.now() + HOUR },
      ...change,
    };
    return composeMail({ id: crypto.randomUUID(), requestedAt: Date.now(), event }, true, coldIsolate());
  }

  it("goes to whoever has no account yet", async () => {
    expect(await composed({})).toBeDefined();
    const { email } = await waitingAt(somebody().email);
    expect(await composed({ email })).toMatchObject({ to: email });
  });

  it("goes to nobody who has an account meanwhile, in the name of nobody who is gone, and not when it is too late", async () => {
    expect(await composed({ email: (await registered()).email })).toBeUndefined();
    expect(await composed({ inviterId: crypto.randomUUID() })).toBeUndefined();
    expect(await composed({ expiresAt: Date.now() })).toBeUndefined();
  });
});

describe("POST /api/v1/auth/accept-invitation", () => {
  it("makes whoever was invited a verified user, where nobody else can register", async () => {
    const person = somebody();
    expectProblem(await post(REGISTER, person, {}, byInvitation), 403, "invitation_required");
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
    await vi.waitFor(
      async () => expect(await env.DB.prepare(query).bind(event?.details).first(), "they name one").not.toBeNull(),
      { timeout: 15_000, interval: 50 },
    );
  });

  it("works once: later clicks are told that the address has an account", async () => {
    const person = await invited();
    const { token } = person;
    expect((await post(ACCEPT, person)).status).toBe(200);
    const row = await rowOf(person.email);
    const thief = { ...somebody(), email: person.email, token };
    for (const again of [person, thief]) {
      const answer = await post(ACCEPT, again);
      expectProblem(answer, 409, "invitation_used");
      expect(answer.json.detail).toContain("Log in");
    }
    expect(await rowOf(person.email)).toEqual(row);
  });

  it("works once, wherever the account has moved meanwhile", async () => {
    const person = await invited();
    expect((await post(ACCEPT, person)).status).toBe(200);
    const moved = somebody().email;
    await env.DB.prepare("UPDATE users SET email = ? WHERE email = ?").bind(moved, person.email).run();
    const thief = { ...somebody(), email: person.email, token: person.token };
    expectProblem(await post(ACCEPT, thief), 409, "invitation_used");
    // Whoever registers the address that was left does not make it good again either.
    await waitingAt(person.email);
    expectProblem(await post(ACCEPT, thief), 409, "invitation_used");
    expect(await rowOf(person.email)).toMatchObject({ is_verified: 0 });
  });

  it("kills every other invitation of the address", async () => {
    const first = await invited();
    const second = await invited(first, 2);
    expect(second.token).not.toBe(first.token);
    expect((await post(ACCEPT, second)).status).toBe(200);
    expectProblem(await post(ACCEPT, first), 409, "invitation_used");
  });

  it("is refused where registration is closed, and good again when it is not", async () => {
    const person = await invited();
    expectProblem(await post(ACCEPT, person, {}, appWith({ REGISTRATION: "closed" })), 403, "registration_closed");
    expect((await post(ACCEPT, person)).status).toBe(200);
  });

  it("refuses a link after its time", async () => {
    const person = await invited();
    vi.setSystemTime(Date.now() + 24 * HOUR + 1_000);
    expectProblem(await post(ACCEPT, person), 400, "expired_token");
    expect(await rowOf(person.email)).toBeNull();
  });

  it("refuses a link with another address than the invited one", async () => {
    const person = await invited();
    const { email } = somebody();
    expectProblem(await post(ACCEPT, { ...person, email }), 400, "invalid_token");
    expect(await rowOf(email)).toBeNull();
    expect((await post(ACCEPT, { ...person, email: person.email.toUpperCase() })).status, "in any case").toBe(200);
  });

  it("refuses a forged, mangled or truncated token without touching the directory", async () => {
    const person = await invited();
    const { token } = person;
    const mangled = `${token.slice(0, 40)}${token[40] === "A" ? "B" : "A"}${token.slice(41)}`;
    const logs = recordLogs();
    for (const forged of [mangled, token.slice(0, -2), `${token}AA`, "AAAA", "ÿ", "x".repeat(1024)]) {
      expectProblem(await post(ACCEPT, { ...person, token: forged }), 400, "invalid_token");
    }
    for (const line of logs()) expect(line.storage_calls, "the limiter alone").toBe(1);
    expect(await rowOf(person.email)).toBeNull();
  });

  it("refuses tokens of other purposes, and its own is good for nothing else", async () => {
    const waiting = await waitingAt(somebody().email);
    expectProblem(await post(ACCEPT, waiting), 400, "invalid_token");
    const owner = await registered();
    await post("/api/v1/auth/forgot-password", { email: owner.email });
    const reset = await mailedToken(owner.email, 2);
    expectProblem(await post(ACCEPT, { ...somebody(), email: owner.email, token: reset }), 400, "invalid_token");

    const { token, password } = await invited();
    for (const path of ["verify-email", "confirm-email", "undo-email-change"]) {
      expectProblem(await post(`/api/v1/auth/${path}`, { token }), 400, "invalid_token");
    }
    const body = { token, new_password: password };
    expectProblem(await post("/api/v1/auth/reset-password", body), 400, "invalid_token");
  });

  it("accepts what was signed under the previous secret, and nothing signed under another", async () => {
    const person = await invited();
    const newSecret = { AUTH_SECRET: "quite another secret, long enough to pass too" };
    expectProblem(await post(ACCEPT, person, {}, appWith(newSecret)), 400, "invalid_token");
    const rotated = appWith({ ...newSecret, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET });
    expect((await post(ACCEPT, person, {}, rotated)).status).toBe(200);
  });

  it("leaves the link good where the username is taken: by a user, by who waits, by who was deleted lately", async () => {
    const person = await invited();
    const [user, waiting, leaver] = [await registered(), await waitingAt(somebody().email), await loggedIn()];
    const owner = await registered();
    // For an address that has an owner there is a registration alone, and no user of its name.
    const inVain = { ...somebody(), email: owner.email };
    await post(REGISTER, inVain);
    const left = { bearer: leaver.accessToken, body: { password: leaver.password } };
    expect((await call("DELETE", "/api/v1/users/me", left)).status).toBe(204);
    for (const { username } of [user, waiting, leaver, inVain]) {
      const answer = await post(ACCEPT, { ...person, username: username.toUpperCase() });
      expectProblem(answer, 409, "username_taken");
      expect(answer.json.errors).toMatchObject([{ field: "username", code: "taken" }]);
      expect(await rowOf(person.email)).toBeNull();
    }
    expect((await post(ACCEPT, person)).status).toBe(200);
    await logIn(person);
  });

  it("leaves the link good where the password is refused, by the rule of registration", async () => {
    const person = await invited();
    const answer = await post(ACCEPT, { ...person, password: "fourteen chars" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field: "password", code: "too_short" }]);
    expect((await post(ACCEPT, person)).status).toBe(200);
  });

  it("leaves the link good when too many passwords are being checked", async () => {
    const people: (Person & { token: string })[] = [];
    for (let index = 0; index < 4; index++) people.push(await invited());
    const narrow = appWith({ HASH_LANE_LENGTH: "0" });
    const answers = await Promise.all(people.map((person) => post(ACCEPT, person, {}, narrow)));
    expect(answers.some(({ json }) => json.code === "busy")).toBe(true);
    for (const [index, person] of people.entries()) {
      if (answers[index]?.status === 503) expect((await post(ACCEPT, person)).status).toBe(200);
      await logIn(person);
    }
  });

  it.each([
    ["no body at all", {}, ["token", "email", "username", "password"], "required"],
    ["a role", { role: "admin", is_superuser: true }, ["role", "is_superuser"], "unknown_field"],
    ["a username with a space", { username: "ada lovelace" }, ["username"], "invalid_format"],
    ["a phone number without a country", { phone: "01234567890" }, ["phone"], "invalid_format"],
  ])("refuses %s, naming the field", async (what, change, fields, code) => {
    const body = what === "no body at all" ? {} : { ...somebody(), token: "AAAA", ...change };
    const answer = await post(ACCEPT, body);
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors.map(({ field }: { field: string }) => field)).toEqual(fields);
    expect(new Set(answer.json.errors.map((error: { code: string }) => error.code))).toEqual(new Set([code]));
  });

  it("limits how many links one address tries", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.linkAttemptsPerAddress;
    const statuses: number[] = [];
    for (let attempt = 0; attempt <= budget; attempt++) {
      statuses.push((await post(ACCEPT, { ...somebody(), token: "AAAA" }, { address })).status);
    }
    expect(statuses).toEqual([...Array(budget).fill(400), 429]);
  });
});

describe("an invitation of an address that somebody registered and never proved", () => {
  it("gives it to whoever was invited, with their own credentials, and tells the other nothing", async () => {
    const attacker = await waitingAt(somebody().email);
    const person = await invited({ ...somebody(), email: attacker.email }, 2);
    const probe = async () => [
      (await post("/api/v1/auth/login", { username: attacker.username, password: attacker.password })).status,
      (await post(REGISTER, { ...somebody(), username: attacker.username })).status,
    ];
    const before = await probe();
    expect((await post(ACCEPT, person)).status).toBe(200);
    expect(await probe()).toEqual(before);
    const { user } = (await logIn(person)).answer.json;
    expect(user).toMatchObject({ username: person.username, is_verified: true, first_name: null });
    expectProblem(await post(VERIFY, { token: attacker.token }), 400, "invalid_token");
    expect(await registrationsOf(person.email), "it waits on in vain").toEqual([attacker.username]);
  });

  it("takes the username that they registered there themselves", async () => {
    const waiting = await waitingAt(somebody().email);
    const person = await invited({ ...waiting, password: "another fine password" }, 2);
    expect((await post(ACCEPT, person)).status).toBe(200);
    await logIn(person);
    expect(await registrationsOf(person.email)).toEqual([]);
  });

  it("does not take somebody's username that waits at another address", async () => {
    const attacker = await waitingAt(somebody().email);
    const other = await waitingAt(somebody().email);
    const person = await invited({ ...somebody(), email: attacker.email }, 2);
    const row = await rowOf(person.email);
    expectProblem(await post(ACCEPT, { ...person, username: other.username }), 409, "username_taken");
    expect(await rowOf(person.email)).toEqual(row);
    expect((await post(ACCEPT, person)).status).toBe(200);
  });

  it("finds a username free again whose time to be proved is over", async () => {
    const owner = await registered();
    const stale = { ...somebody(), email: owner.email };
    await post(REGISTER, stale);
    const query = "UPDATE registrations SET created_at = created_at - ? WHERE username = ?";
    await env.DB.prepare(query)
      .bind(31 * 24 * HOUR, stale.username)
      .run();
    const person = { ...(await invited()), username: stale.username };
    expect((await post(ACCEPT, person)).status).toBe(200);
  });
});

describe("races of an invitation", () => {
  it("make one account of one link that is used many times at once", async () => {
    const { email, token } = await invited();
    const people = Array.from({ length: 6 }, () => ({ ...somebody(), email, token }));
    const answers = await Promise.all(people.map((person) => post(ACCEPT, person, {}, patient)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(5).fill(409)]);
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, "invitation_used");
    const winner = people[answers.findIndex(({ status }) => status === 200)] ?? somebody();
    await logIn(winner);
    const query = "SELECT count(*) AS n FROM users WHERE email = ?";
    expect(await env.DB.prepare(query).bind(email).first()).toEqual({ n: 1 });
  });

  it("make one account of two invitations that are used at once with one username", async () => {
    const [one, other] = [await invited(), await invited()];
    const rivals = [one, { ...other, username: one.username }];
    const answers = await Promise.all(rivals.map((person) => post(ACCEPT, person, {}, patient)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, "username_taken");
  });

  it("leave the account to who verified a registration a moment before", async () => {
    const rival = await waitingAt(somebody().email);
    const person = await invited({ ...somebody(), email: rival.email }, 2);
    const send = appInterrupted('insert into "users"', async () => {
      expect((await post(VERIFY, { token: rival.token })).status).toBe(200);
    });
    expectProblem(await post(ACCEPT, person, {}, send), 409, "invitation_used");
    await logIn(rival);
    const login = { email: person.email, password: person.password };
    expectProblem(await post("/api/v1/auth/login", login), 401, "invalid_credentials");
  });

  it("leave the account to who accepts a moment before a registration is verified", async () => {
    const rival = await waitingAt(somebody().email);
    const person = await invited({ ...somebody(), email: rival.email }, 2);
    const send = appInterrupted('update "users"', async () => {
      expect((await post(ACCEPT, person)).status).toBe(200);
    });
    expectProblem(await post(VERIFY, { token: rival.token }, {}, send), 400, "invalid_token");
    await logIn(person);
  });

  it("take the address from who registers it a moment before", async () => {
    const person = await invited();
    let token = "";
    const send = appInterrupted('insert into "users"', async () => {
      expect((await post(REGISTER, { ...somebody(), email: person.email })).status).toBe(202);
      token = await mailedToken(person.email, 2);
    });
    expect((await post(ACCEPT, person, {}, send)).status).toBe(200);
    await logIn(person);
    expectProblem(await post(VERIFY, { token }), 400, "invalid_token");
  });

  it("leave the address to who confirmed it as their new one a moment before", async () => {
    const person = await invited();
    const mover = await loggedIn();
    const wish = { email: person.email, password: mover.password };
    expect((await post("/api/v1/users/me/email", wish, { bearer: mover.accessToken })).status).toBe(202);
    const token = await mailedToken(person.email, 2);
    const send = appInterrupted('insert into "users"', async () => {
      expect((await post("/api/v1/auth/confirm-email", { token })).status).toBe(200);
    });
    expectProblem(await post(ACCEPT, person, {}, send), 409, "invitation_used");
    await logIn({ ...mover, email: person.email });
  });
});
