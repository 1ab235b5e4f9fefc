import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { NO_REQUEST } from "../../src/audit/event-types.ts";
import { emailCode, isEmailCode } from "../../src/factors/email-code.ts";
import { openFactorKey } from "../../src/factors/factor-key.ts";
import { composeMail } from "../../src/mail/compose.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { changePassword, logInByLink, loginLink, recoveryToken, resetPassword, tryLogin } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { appWith, atOnce, call, expectProblem, freshAddress, get, inTurn, ORIGIN, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import {
  addEmailCodes,
  addTotp,
  codeOf,
  confirmTotp,
  emailedCode,
  enrolled,
  nextStep,
  pendingToken,
  reported,
  secondStep,
  sendEmailCode,
  withEmailCodes,
} from "../support/factors.ts";
import { rawLogs } from "../support/logs.ts";
import { eventsOf, loggedIn, mailAbout, mailsTo, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const off = appWith({ EMAIL_CODES: "off" });
const forOperators = appWith({ SECOND_FACTOR: "required_for_operators", SECOND_FACTOR_GRACE_DAYS: "0" });

const factorsOf = (bearer: string) => get("/api/v1/users/me/factors", { bearer });
const remove = (bearer: string, id: string) => call("DELETE", `/api/v1/users/me/factors/${id}`, { bearer });
const reauthenticate = (bearer: string, proof: object) => post("/api/v1/auth/reauthenticate", proof, { bearer });
const codeMails = async (email: string) =>
  (await get("/dev/outbox")).json.items.filter(
    ({ to, subject }: { to: string; subject: string }) => to === email && subject.startsWith("Your code"),
  );

/** A code that differs from this one. */
const notThis = (code: string) => `${code.slice(0, -1)}${(Number(code.at(-1)) + 1) % 10}`;

/** A login that waits for its emailed code. */
async function waiting() {
  const person = await withEmailCodes();
  const token = await pendingToken(person);
  return { person, token, code: await emailedCode(person, token) };
}

/** A person who logged in with an emailed code. */
async function provedByEmail() {
  const { person, token, code } = await waiting();
  const answer = await secondStep(token, { email_code: code });
  expect(answer.status, answer.text).toBe(200);
  return { ...person, accessToken: answer.json.access_token, refreshToken: answer.json.refresh_token };
}

async function addPasskey(bearer: string) {
  const options = await post("/api/v1/users/me/factors/passkeys/options", undefined, { bearer });
  const authenticator = await createAuthenticator({ rpId: "localhost", origin: ORIGIN });
  const credential = await authenticator.register(options.json);
  return post("/api/v1/users/me/factors/passkeys", { credential }, { bearer });
}

describe("codes by email", () => {
  it("can be turned on only with EMAIL_CODES=on, and are then asked for even if it is turned off", async () => {
    const { accessToken: bearer } = await loggedIn();
    const headers = { Authorization: `Bearer ${bearer}` };
    const answer = await off(new Request(`${ORIGIN}/api/v1/users/me/factors/email`, { method: "POST", headers }));
    expect([answer.status, await answer.json()]).toEqual([404, expect.objectContaining({ code: "not_found" })]);
    expect((await get("/", {}, off)).json.email_codes).toBe(false);
    expect((await get("/")).json.email_codes).toBe(true);
    const person = await withEmailCodes();
    const token = await pendingToken(person, {}, off);
    expect((await sendEmailCode(token, {}, off)).status).toBe(202);
    const email_code = await emailedCode(person, token, 2);
    expect((await secondStep(token, { email_code }, {}, off)).status).toBe(200);
  });

  it("come with recovery codes, are listed and renamed, and the owner is told", async () => {
    const person = await loggedIn();
    const added = await addEmailCodes(person.accessToken, { name: "Work email" });
    expect(added.status, added.text).toBe(201);
    expect(added.json).toMatchObject({ kind: "email", name: "Work email", last_used_at: null });
    expect(new Set(added.json.recovery_codes).size).toBe(10);
    const path = `/api/v1/users/me/factors/${added.json.id}`;
    const renamed = await call("PATCH", path, { bearer: person.accessToken, body: { name: "Mailbox" } });
    expect(renamed.json).toMatchObject({ kind: "email", name: "Mailbox" });
    const list = await factorsOf(person.accessToken);
    expect(list.json).toMatchObject({ items: [renamed.json], recovery_codes_left: 10 });
    await reported(person);
    expect((await mailAbout(person.email, /second factor was added/)).text).toContain("A code by email was added");
    const [event] = await eventsOf(person.userId, "second_factor_added");
    expect(event?.details).toContain('"kind":"email"');
  });

  it("need a recent login", async () => {
    const person = await loggedIn();
    vi.setSystemTime(Date.now() + 20 * 60_000);
    expectProblem(await addEmailCodes(person.accessToken), 403, "reauthentication_required");
  });

  it("log in, once, and the tokens claim no second factor [MF-7]", async () => {
    const { person, token, code } = await waiting();
    const asked = await tryLogin(person);
    expect(asked.json).toMatchObject({ code: "second_factor_required", factors: ["email", "recovery_code"] });
    const answer = await secondStep(token, { email_code: ` ${code.slice(0, 4)} ${code.slice(4)} ` });
    expect(answer.status, answer.text).toBe(200);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["pwd", "email"], acr: "aal1" });
    expectProblem(await secondStep(token, { email_code: code }), 401, "invalid_pending_token");
    expectProblem(await secondStep(asked.json.pending_token, { email_code: code }), 401, "invalid_factor");
    const [event] = await eventsOf(person.userId, "login_succeeded", 2);
    expect(event?.details).toContain('"factor":"email"');
    const { items } = (await factorsOf(answer.json.access_token)).json;
    expect(items[0].last_used_at).not.toBeNull();
  });

  it("are good for ten minutes, for their own login and for their own user [MF-6]", async () => {
    const [one, other] = [await waiting(), await waiting()];
    const second = await pendingToken(one.person);
    expectProblem(await secondStep(second, { email_code: one.code }), 401, "invalid_factor");
    expectProblem(await secondStep(other.token, { email_code: one.code }), 401, "invalid_factor");
    vi.setSystemTime(Date.now() + 600_000);
    expectProblem(await secondStep(one.token, { email_code: one.code }), 401, "invalid_pending_token");
  });

  it("open one session, however often one is sent at once", async () => {
    const { person, token, code } = await waiting();
    const answers = await atOnce(50, () => secondStep(token, { email_code: code }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
    await pendingToken(person);
  });

  it("are refused by the user's object once the login is over, although a Worker's clock is behind, and without a login", async () => {
    const { person } = await waiting();
    const services = coldIsolate();
    const row = await services.users.find(person.userId);
    const key = (await openFactorKey(person.userId, row?.factorKey ?? "", services.secrets)) ?? "";
    const tryAt = (expiresAt: number, isWaiting = true) => {
      const login = { id: crypto.randomUUID(), expiresAt };
      const proof = { kind: "email" as const, code: emailCode(login.id, createSecrets(key)), key };
      const origin = { deviceName: null, userAgent: null, ipAddress: "192.0.2.1", device: "device" };
      const step = { isExpected: true, proof, ...(isWaiting ? { login } : {}) };
      return services.sessions.create(person.userId, crypto.randomUUID(), 0, origin, ["pwd"], step);
    };
    expect(await tryAt(Date.now())).toMatchObject({ outcome: "invalid" });
    expect(await tryAt(Date.now() + 60_000, false), "without a login that waits").toMatchObject({ outcome: "invalid" });
    expect(await tryAt(Date.now() + 60_000)).toMatchObject({ factor: { kind: "email" } });
  });

  it("make the account wait after five wrong ones, which are recorded [MF-2]", async () => {
    const { person, token, code } = await waiting();
    vi.setSystemTime(Date.now());
    const wrong = () => secondStep(token, { email_code: notThis(code) });
    expect(await inTurn(5, wrong)).toEqual([401, 401, 401, 401, 401]);
    const limited = await secondStep(token, { email_code: code });
    expectProblem(limited, 429, "rate_limited");
    expect(limited.headers.get("Retry-After")).toBe("30");
    vi.setSystemTime(Date.now() + 31_000);
    expect((await secondStep(token, { email_code: code })).status).toBe(200);
    const [event] = await eventsOf(person.userId, "second_factor_failed", 5);
    expect(event).toMatchObject({ actor_id: null, details: null });
  });

  it("have eight digits", async () => {
    const { token } = await waiting();
    for (const email_code of ["1234567", "123456789", "1234567a"]) {
      expectProblem(await secondStep(token, { email_code }), 422, "validation_failed");
    }
  });

  it("let the user trust the device, until the factor is removed", async () => {
    const { person, token, code } = await waiting();
    const answer = await secondStep(token, { email_code: code, trust_device: true });
    const trust = {
      email: person.email,
      password: person.password,
      trusted_device_token: answer.json.trusted_device_token,
    };
    expect((await post("/api/v1/auth/login", trust)).status).toBe(200);
    expect((await remove(answer.json.access_token, person.factorId)).status).toBe(204);
    expect((await tryLogin(person)).status).toBe(200);
  });

  it("end with a change of the password", async () => {
    const { person, token, code } = await waiting();
    expect((await changePassword(person)).status).toBe(204);
    expectProblem(await secondStep(token, { email_code: code }), 401, "invalid_pending_token");
  });
});

describe("the email with a code", () => {
  it("has it in the body alone: not in the subject, the preview, the queue or a log", async () => {
    const logs = rawLogs();
    const { person, code } = await waiting();
    const mail = await mailAbout(person.email, /^Your code/);
    expect(mail.subject).not.toMatch(/\d/);
    expect(mail.text).toContain(code);
    expect(mail.html.slice(0, mail.html.indexOf("Enter this code"))).not.toContain(code);
    expect(logs().join("\n")).not.toContain(code);
    const { requests } = await sentWith(person);
    expect(requests).toHaveLength(1);
    const [own] = await Promise.all(requests.map((request) => composeMail(request, false, coldIsolate())));
    const sent = /Code: (\d{8})/.exec(own?.text ?? "")?.[1] ?? "";
    expect(sent).toMatch(/^\d{8}$/);
    expect(JSON.stringify(requests)).not.toContain(sent);
  });

  it("has the same code if it is sent again, and another one at another login", async () => {
    const { person, token, code } = await waiting();
    expect(await emailedCode(person, token, 2)).toBe(code);
    expect(await emailedCode(person, await pendingToken(person), 3)).not.toBe(code);
  });

  it("is not sent after ten minutes, after a change of the password, to a disabled account or without the key", async () => {
    const { person } = await waiting();
    const { requests } = await sentWith(person);
    const compose = async () => (await composeMail(requests[0] as never, false, coldIsolate()))?.to;
    expect(await compose()).toBe(person.email);
    const row = await env.DB.prepare("SELECT factor_key FROM users WHERE email = ?").bind(person.email).first();
    for (const columns of [{ is_active: 0 }, { session_epoch: 7 }, { factor_key: null }, { factor_key: "x.y" }]) {
      await setUser(person, columns);
      expect(await compose(), JSON.stringify(columns)).toBeUndefined();
      await setUser(person, { is_active: 1, session_epoch: 0, factor_key: String(row?.factor_key) });
    }
    expect(await compose()).toBe(person.email);
    vi.setSystemTime(Date.now() + 600_000);
    expect(await compose()).toBeUndefined();
  });

  it("is sent only while the factor is in force, with the same answer", async () => {
    const person = await withEmailCodes();
    const token = await pendingToken(person);
    expect((await remove(person.accessToken, person.factorId)).status).toBe(204);
    const answer = await sendEmailCode(token);
    expect([answer.status, answer.json]).toEqual([202, { status: "accepted" }]);
    const strong = await enrolled();
    expect((await sendEmailCode(await pendingToken(strong))).status).toBe(202);
    await reported(person);
    await mailsTo(person.email, 3);
    expect(await codeMails(person.email)).toEqual([]);
    expect(await codeMails(strong.email)).toEqual([]);
  });

  it("needs the token of a login that waits, and the origin of a login in cookie mode", async () => {
    const person = await withEmailCodes();
    const token = await pendingToken(person);
    expectProblem(await sendEmailCode(altered(token)), 401, "invalid_pending_token");
    const login = { email: person.email, password: person.password, cookie: true };
    const asked = await post("/api/v1/auth/login", login, { headers: { Origin: ORIGIN } });
    expectProblem(await sendEmailCode(asked.json.pending_token), 403, "origin_not_allowed");
    expect((await sendEmailCode(asked.json.pending_token, { Origin: ORIGIN })).status).toBe(202);
    vi.setSystemTime(Date.now() + 600_000);
    expectProblem(await sendEmailCode(token), 401, "invalid_pending_token");
  });

  it("is sent ten times an hour to a user, over all logins", async () => {
    const person = await withEmailCodes();
    const tokens = [await pendingToken(person), await pendingToken(person)];
    const ask = (index: number) =>
      post("/api/v1/auth/second-factor/email", { pending_token: tokens[index % 2] }, { address: freshAddress() });
    expect(await inTurn(10, ask)).toEqual(Array.from({ length: 10 }, () => 202));
    expectProblem(await ask(0), 429, "rate_limited");
  });
});

/** Asks for a code. Returns the requests in the mail queue, which are not sent. */
async function sentWith(person: Parameters<typeof pendingToken>[0]) {
  const token = await pendingToken(person);
  const requests: Parameters<typeof composeMail>[0][] = [];
  const MAIL_QUEUE = { send: async (request: (typeof requests)[number]) => void requests.push(request) } as never;
  expect((await sendEmailCode(token, {}, appWith({}, { MAIL_QUEUE }))).status).toBe(202);
  return { token, requests };
}

describe("an account with a stronger factor", () => {
  it.each(["app", "passkey"])("can't turn codes by email on: it has an %s", async (kind) => {
    const person = kind === "app" ? await enrolled() : await loggedIn();
    if (kind === "passkey") expect((await addPasskey(person.accessToken)).status).toBe(201);
    const bearer = person.accessToken;
    if (kind === "app") expectProblem(await addEmailCodes(bearer), 409, "email_factor_not_allowed");
    else expectProblem(await addEmailCodes(bearer), 403, "reauthentication_required");
    const { json } = await tryLogin(person);
    expect(json.factors).not.toContain("email");
    expectProblem(await secondStep(json.pending_token, { email_code: "12345678" }), 401, "invalid_factor");
  });

  it("loses codes by email to a new app in one step, and the recovery codes that came with them", async () => {
    const person = await provedByEmail();
    const token = await pendingToken(person);
    const code = await emailedCode(person, token, 2);
    nextStep();
    const { secret } = (await addTotp(person.accessToken)).json;
    const confirmed = await confirmTotp(person.accessToken, await codeOf(secret));
    expect(confirmed.status, confirmed.text).toBe(200);
    const { recovery_codes: recoveryCodes } = confirmed.json;
    expect(recoveryCodes).toHaveLength(10);
    expectProblem(await secondStep(token, { email_code: code }), 401, "invalid_factor");
    const { json } = await tryLogin(person);
    expect(json.factors).toEqual(["totp", "recovery_code"]);
    const { pending_token } = json;
    expectProblem(await secondStep(pending_token, { recovery_code: person.recoveryCodes[0] }), 401, "invalid_factor");
    const again = await secondStep(pending_token, { recovery_code: recoveryCodes[0] });
    expect(again.status, again.text).toBe(200);
    const list = await factorsOf(again.json.access_token);
    expect(list.json).toMatchObject({ items: [{ kind: "totp" }], recovery_codes_left: 9 });
    // The session that was opened with the emailed code can't change factors any more.
    expectProblem(await remove(person.accessToken, list.json.items[0].id), 403, "reauthentication_required");
    expectProblem(
      await reauthenticate(person.accessToken, { password: person.password }),
      403,
      "second_factor_required",
    );
  });

  it("loses codes by email to a new passkey too", async () => {
    const person = await provedByEmail();
    const added = await addPasskey(person.accessToken);
    expect(added.status, added.text).toBe(201);
    expect(added.json.recovery_codes).toHaveLength(10);
    expect(person.recoveryCodes).not.toContain(added.json.recovery_codes[0]);
    expect((await tryLogin(person)).json.factors).toEqual(["passkey", "recovery_code"]);
  });

  it("takes no code by email where an earlier release has added an app beside it", async () => {
    const { person, token, code } = await waiting();
    await runInDurableObject(env.USER_SESSIONS.getByName(person.userId), (_, { storage }) => {
      const values = [crypto.randomUUID(), "totp", "App", 1, JSON.stringify({ sealedSeed: "", lastStep: 0 })];
      storage.sql.exec("INSERT INTO factors VALUES (?, ?, ?, ?, NULL, ?, NULL)", ...values);
    });
    expect((await tryLogin(person)).json.factors).toEqual(["totp", "recovery_code"]);
    expectProblem(await secondStep(token, { email_code: code }), 401, "invalid_factor");
    // Codes by email don't count any more, so the app is the last factor.
    const caller = { actorId: person.userId, hasProvedFactor: true, origin: NO_REQUEST, traceparent: undefined };
    using factors = await env.USER_SESSIONS.getByName(person.userId).factors(caller);
    const { items } = await factors.list();
    const app = items.find(({ kind }) => kind === "totp");
    expect(await factors.remove(person.userId, app?.id ?? "", true)).toBe("last");
  });

  it("has one factor, whichever of two came first", async () => {
    const person = await loggedIn();
    nextStep();
    const { secret } = (await addTotp(person.accessToken)).json;
    const code = await codeOf(secret);
    const answers = await Promise.all([confirmTotp(person.accessToken, code), addEmailCodes(person.accessToken)]);
    expect(answers[0].status).toBe(200);
    expect([201, 403, 409]).toContain(answers[1].status);
    expect((await tryLogin(person)).json.factors).toEqual(["totp", "recovery_code"]);
  });
});

describe("an account whose only factor are codes by email", () => {
  it("reaches no higher level with a recovery code, which stands in for a code by email", async () => {
    const person = await withEmailCodes();
    const answer = await secondStep(await pendingToken(person), { recovery_code: person.recoveryCodes[0] });
    expect(answer.status, answer.text).toBe(200);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["pwd"], acr: "aal1" });
  });

  it("turns them off, replaces recovery codes and reauthenticates with its password", async () => {
    const person = await provedByEmail();
    vi.setSystemTime(Date.now() + 20 * 60_000);
    const refused = await remove(person.accessToken, person.factorId);
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json).toMatchObject({ max_age: 900 });
    expect(refused.json).not.toHaveProperty("acr_values");
    const again = await reauthenticate(person.accessToken, { password: person.password });
    expect(again.status, again.text).toBe(200);
    const bearer = again.json.access_token;
    const renewed = await post("/api/v1/users/me/recovery-codes", undefined, { bearer });
    expect(renewed.json.recovery_codes).toHaveLength(10);
    expect((await remove(bearer, person.factorId)).status).toBe(204);
    await reported(person);
    const removed = await mailAbout(person.email, /second factor was removed/);
    expect(removed.text).toContain("A code by email was removed");
    expect((await tryLogin(person)).status).toBe(200);
  });

  it("can't turn them on twice", async () => {
    const person = await withEmailCodes();
    expectProblem(await addEmailCodes(person.accessToken), 409, "email_factor_not_allowed");
    expect((await factorsOf(person.accessToken)).json.items).toHaveLength(1);
  });

  it("is not finished by a code after an emailed link, and gets none for it", async () => {
    const person = await withEmailCodes();
    const asked = await logInByLink(await loginLink(person));
    expectProblem(asked, 403, "second_factor_required");
    expect(asked.json.factors).toEqual(["recovery_code"]);
    const { pending_token } = asked.json;
    expect((await sendEmailCode(pending_token)).status).toBe(202);
    await recoveryToken(person, 4);
    expect(await codeMails(person.email)).toEqual([]);
    expectProblem(await secondStep(pending_token, { email_code: "12345678" }), 401, "invalid_factor");
    expect((await secondStep(pending_token, { recovery_code: person.recoveryCodes[0] })).status).toBe(200);
  });

  it("is asked after a reset of the password, which ends the trust in devices [PR-7]", async () => {
    const { person, token, code } = await waiting();
    const trusted = await secondStep(token, { email_code: code, trust_device: true });
    expect((await resetPassword(await recoveryToken(person, 4))).status).toBe(204);
    const login = { password: "another fine password", trusted_device_token: trusted.json.trusted_device_token };
    await pendingToken({ ...person, ...login }, login);
  });

  it("has no permission of a role that must have a factor, and adds a stronger one [AC-8]", async () => {
    const person = await provedByEmail();
    await setUser(person, { role: "admin", is_superuser: 0 });
    const login = { email: person.email, password: person.password };
    const asked = await post("/api/v1/auth/login", login, {}, forOperators);
    expect(asked.json.factors).toEqual(["email", "recovery_code"]);
    const email_code = await emailedCode(person, asked.json.pending_token, 2);
    const answer = await secondStep(asked.json.pending_token, { email_code }, {}, forOperators);
    const bearer = answer.json.access_token;
    const listUsers = () => get("/api/v1/users/?limit=1", { bearer }, forOperators);
    expectProblem(await listUsers(), 403, "second_factor_enrolment_required");
    const path = `/api/v1/users/me/factors/${person.factorId}`;
    expectProblem(await call("DELETE", path, { bearer }, forOperators), 409, "last_factor");
    nextStep();
    const { secret } = (await addTotp(bearer)).json;
    expect((await confirmTotp(bearer, await codeOf(secret))).status).toBe(200);
    expectProblem(await listUsers(), 403, "reauthentication_required");
    nextStep();
    const raised = await reauthenticate(bearer, { totp: await codeOf(secret) });
    expect((await get("/api/v1/users/?limit=1", { bearer: raised.json.access_token }, forOperators)).status).toBe(200);
  });
});

describe("who can't turn codes by email on", () => {
  it("is a user who must have a second factor, and a user without a password", async () => {
    const operator = await withStanding("admin");
    expectProblem(await addEmailCodes(operator.accessToken, {}, forOperators), 409, "email_factor_not_allowed");
    const person = await loggedIn();
    await setUser(person, { password_hash: "!" });
    expectProblem(await addEmailCodes(person.accessToken), 409, "email_factor_not_allowed");
    expect((await factorsOf(person.accessToken)).json.items).toEqual([]);
  });
});

describe("a code", () => {
  const secrets = createSecrets("a key of one user");

  it("depends on the login and on the user's key, and has all digits", () => {
    const ids = Array.from({ length: 2_000 }, () => crypto.randomUUID());
    const codes = ids.map((id) => emailCode(id, secrets));
    expect(codes.every((code) => /^\d{8}$/.test(code))).toBe(true);
    for (let place = 0; place < 8; place++) expect(new Set(codes.map((code) => code[place])).size).toBe(10);
    expect(new Set(codes).size).toBeGreaterThan(1_990);
    const [id = ""] = ids;
    expect(emailCode(id, createSecrets("a key of another user"))).not.toBe(codes[0]);
    expect(isEmailCode(codes[0] ?? "", id, secrets)).toBe(true);
    expect(isEmailCode(codes[1] ?? "", id, secrets)).toBe(false);
    expect(isEmailCode("", id, secrets)).toBe(false);
  });
});
