import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { changePassword, readMe, recoveryToken, refresh, register, tryLogin } from "../support/account.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { type Answer, appWith, atOnce, call, expectProblem, get, post, type Send } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { codeOf, enrolled, nextStep, pendingToken, reported, secondStep } from "../support/factors.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  mailsTo,
  newPerson,
  type Person,
  rowOf,
  withStanding,
} from "../support/people.ts";

const DAY = 86_400_000;

/** Everyone must have a second factor at once. */
const required = appWith({ SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" });
/** Operators must have one at once. */
const forOperators = appWith({ SECOND_FACTOR: "required_for_operators", SECOND_FACTOR_GRACE_DAYS: "0" });
/** Operators must have one within a week. */
const withGrace = appWith({ SECOND_FACTOR: "required_for_operators" });

const factorsOf = (bearer: string, send: Send) => get("/api/v1/users/me/factors", { bearer }, send);
const requiredFrom = async (bearer: string, send: Send) => (await factorsOf(bearer, send)).json.required_from;
const listUsers = (bearer: string, send: Send) => get("/api/v1/users/?limit=1", { bearer }, send);
const remove = (bearer: string, id: string, send: Send) =>
  call("DELETE", `/api/v1/users/me/factors/${id}`, { bearer }, send);
const reauthenticate = (bearer: string, proof: object, send: Send) =>
  post("/api/v1/auth/reauthenticate", proof, { bearer }, send);

const ENROLMENT = "/api/v1/auth/enrolment";
const enrol = (step: string, enrolment_token: string, more: object = {}, headers = {}) =>
  post(`${ENROLMENT}/${step}`, { enrolment_token, ...more }, { headers }, required);

/** The enrolment token that a user gets at a login if they must have a second factor and have none. */
async function enrolmentToken({ email, password }: Person, more: object = {}, send = required): Promise<string> {
  const answer = await post("/api/v1/auth/login", { email, password, ...more }, {}, send);
  expectProblem(answer, 403, "second_factor_enrolment_required");
  return answer.json.enrolment_token;
}

/** Sets up an authenticator app with an enrolment token. */
async function enrolApp(token: string): Promise<{ answer: Answer; secret: string }> {
  const begun = await enrol("totp", token);
  expect(begun.status, begun.text).toBe(201);
  nextStep();
  return { answer: await enrol("totp/confirm", token, { code: await codeOf(begun.json.secret) }), ...begun.json };
}

async function passkeyFor(token: string) {
  const options = await enrol("passkey/options", token);
  expect(options.status, options.text).toBe(200);
  const authenticator = await createAuthenticator({ rpId: "localhost", origin: "http://localhost:8787" });
  return authenticator.register(options.json);
}

describe("a user who must have a second factor and has none", () => {
  it("sets up an authenticator app at the login, which opens a session of both factors [AC-8]", async () => {
    const person = await loggedIn();
    const refused = await tryLogin(person, {}, required);
    expectProblem(refused, 403, "second_factor_enrolment_required");
    expect(refused.json).toMatchObject({ factors: ["totp", "passkey"], expires_in: 900 });
    const begun = await enrol("totp", refused.json.enrolment_token, { name: "Phone" });
    expect(begun.json).toMatchObject({ qr_svg: expect.stringMatching(/^<svg /) });
    nextStep();
    const code = await codeOf(begun.json.secret);
    const answer = await enrol("totp/confirm", refused.json.enrolment_token, { code });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.user.email).toBe(person.email);
    expect(answer.json.recovery_codes).toHaveLength(10);
    const { access_token: bearer } = answer.json;
    expect(decodeJwt(bearer)).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2" });
    const list = await factorsOf(bearer, required);
    expect(list.json).toMatchObject({ items: [{ kind: "totp", name: "Phone" }], recovery_codes_left: 10 });
    // D1 already says that the user has a factor. The code that confirmed the app counts as used.
    const pending = await pendingToken(person, {}, required);
    expectProblem(await secondStep(pending, { totp: code }), 401, "invalid_factor");
    const [recovery_code] = answer.json.recovery_codes;
    expect((await secondStep(pending, { recovery_code })).status).toBe(200);
  });

  it("sets up a passkey at the login, which opens a session of both factors", async () => {
    const person = await loggedIn();
    const token = await enrolmentToken(person);
    const answer = await enrol("passkey", token, { credential: await passkeyFor(token), name: "Key" });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.recovery_codes).toHaveLength(10);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["pwd", "swk", "user", "mfa"], acr: "aal2" });
    const list = await factorsOf(answer.json.access_token, required);
    expect(list.json).toMatchObject({ items: [{ kind: "passkey", name: "Key" }] });
  });

  it("is told of the new factor, and both steps are in the audit log", async () => {
    const person = await loggedIn();
    await enrolApp(await enrolmentToken(person));
    await reported(person);
    const subjects = (await mailsTo(person.email, 2)).map(({ subject }) => subject);
    expect(subjects).toContainEqual(expect.stringContaining("second factor was added"));
    const [failed] = await eventsOf(person.userId, "login_failed");
    expect(failed?.details).toContain("second_factor_enrolment_required");
    expect((await eventsOf(person.userId, "second_factor_added"))[0]).toMatchObject({ actor_id: person.userId });
    expect((await eventsOf(person.userId, "login_succeeded", 2))[0]?.details).toContain('"factor":"totp"');
  });

  it("gets no session from a wrong code or another user's passkey, and can try again", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    const token = await enrolmentToken(person);
    const begun = await enrol("totp", token);
    expectProblem(await enrol("totp/confirm", token, { code: "000000" }), 401, "invalid_factor");
    const credential = await passkeyFor(await enrolmentToken(other));
    expectProblem(await enrol("passkey", token, { credential }), 401, "invalid_passkey");
    expect((await eventsOf(person.userId, "second_factor_failed"))[0]).toMatchObject({ actor_id: null });
    nextStep();
    expect((await enrol("totp/confirm", token, { code: await codeOf(begun.json.secret) })).status).toBe(200);
  });

  it("keeps what the login asked for: the name of the device and the cookie", async () => {
    const person = await loggedIn();
    const headers = { Origin: "http://localhost:8787" };
    const login = { email: person.email, password: person.password, device_name: "Ada's phone", cookie: true };
    const refused = await post("/api/v1/auth/login", login, { headers }, required);
    const token = refused.json.enrolment_token;
    expectProblem(await enrol("totp", token), 403, "origin_not_allowed");
    const begun = await enrol("totp", token, {}, headers);
    nextStep();
    const answer = await enrol("totp/confirm", token, { code: await codeOf(begun.json.secret) }, headers);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json).not.toHaveProperty("refresh_token");
    expect(answer.headers.get("Set-Cookie")).toContain("postern_refresh=prt_");
    const sessions = await get("/api/v1/users/me/sessions", { bearer: answer.json.access_token });
    expect(sessions.json.items[0]).toMatchObject({ device_name: "Ada's phone", current: true });
  });

  it("is refused by an object of an earlier release, which asks for no factor", async () => {
    const person = await loggedIn();
    const original = (await import("../../src/sessions/user-sessions-object.ts")).UserSessions.prototype.create;
    const spy = vi
      .spyOn((await import("../../src/sessions/user-sessions-object.ts")).UserSessions.prototype, "create")
      .mockImplementation(async function (this: ThisParameterType<typeof original>, ...args) {
        const opened = await original.call(this, ...(args.slice(0, 6) as Parameters<typeof original>));
        if (opened !== null && "factor" in opened) delete opened.factor;
        return opened;
      });
    const token = await enrolmentToken(person);
    const begun = await enrol("totp", token);
    nextStep();
    const code = await codeOf(begun.json.secret);
    expectProblem(await enrol("totp/confirm", token, { code }), 401, "invalid_enrolment_token");
    spy.mockRestore();
    const sessions = await get("/api/v1/users/me/sessions", { bearer: person.accessToken });
    expect(sessions.json.items).toHaveLength(1);
  });
});

describe("an enrolment token", () => {
  it("opens nothing but the enrolment, and no other token opens that", async () => {
    const person = await enrolled();
    const pending = await pendingToken(person);
    expectProblem(await enrol("totp", pending), 401, "invalid_enrolment_token");
    const token = await enrolmentToken(await loggedIn());
    expectProblem(await readMe(token), 401, "invalid_access_token");
    expectProblem(await refresh(token), 401, "invalid_refresh_token");
    expectProblem(await secondStep(token, { totp: "000000" }), 401, "invalid_pending_token");
    expectProblem(await secondStep(`ppt_${token.slice(4)}`, { totp: "000000" }), 401, "invalid_pending_token");
  });

  it("ends with a change of the password, after fifteen minutes, and with the account's activity", async () => {
    const [changed, late, suspended] = [await loggedIn(), await loggedIn(), await loggedIn()];
    const token = await enrolmentToken(changed);
    const begun = await enrol("totp", token);
    expect((await changePassword(changed)).status).toBe(204);
    nextStep();
    const code = await codeOf(begun.json.secret);
    expectProblem(await enrol("totp/confirm", token, { code }), 401, "invalid_enrolment_token");
    expect((await factorsOf(changed.accessToken, required)).json.items).toEqual([]);

    const inactive = await enrolmentToken(suspended);
    await setUser(suspended, { is_active: 0 });
    expectProblem(await enrol("passkey/options", inactive), 401, "invalid_enrolment_token");

    const old = await enrolmentToken(late);
    vi.setSystemTime(Date.now() + 900_000);
    expectProblem(await enrol("totp", old), 401, "invalid_enrolment_token");
  });

  it("is of no use once the user has a factor, even one that was removed since", async () => {
    const person = await loggedIn();
    const [used, other] = [await enrolmentToken(person), await enrolmentToken(person)];
    const credential = await passkeyFor(other);
    const { answer, secret } = await enrolApp(used);
    expect(answer.status).toBe(200);
    expectProblem(await enrol("totp", other), 401, "invalid_enrolment_token");
    nextStep();
    const again = { code: await codeOf(secret) };
    expectProblem(await enrol("totp/confirm", used, again), 401, "invalid_enrolment_token");
    expectProblem(await enrol("passkey", other, { credential }), 401, "invalid_enrolment_token");

    const admin = await withStanding("admin");
    await call("DELETE", `/api/v1/users/${person.userId}/factors`, { bearer: admin.accessToken });
    const anew = await passkeyFor(used);
    expectProblem(await enrol("passkey", used, { credential: anew }), 401, "invalid_enrolment_token");
  });

  it("opens one session and adds one factor, however often and in how many ways it is sent at once", async () => {
    const person = await loggedIn();
    const tokens = [await enrolmentToken(person), await enrolmentToken(person)];
    const [first = "", second = ""] = tokens;
    const begun = await enrol("totp", first);
    const credential = await passkeyFor(second);
    nextStep();
    const code = await codeOf(begun.json.secret);
    const answers = await atOnce(12, (index) =>
      index % 2 === 0
        ? enrol("totp/confirm", tokens[index % 4 === 0 ? 0 : 1] ?? "", { code })
        : enrol("passkey", second, { credential }),
    );
    const [opened, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(11);
    expect((await factorsOf(opened?.json.access_token, required)).json.items).toHaveLength(1);
  });

  it("races with logins by password alone, of which none opens a session", async () => {
    const person = await loggedIn();
    const token = await enrolmentToken(person);
    const begun = await enrol("totp", token);
    nextStep();
    const code = await codeOf(begun.json.secret);
    const [finished, ...logins] = await Promise.all([
      enrol("totp/confirm", token, { code }),
      ...Array.from({ length: 6 }, () => tryLogin(person, {}, required)),
    ]);
    expect(finished.status, finished.text).toBe(200);
    for (const { json } of logins) {
      expect(json.code).toMatch(/^second_factor_(enrolment_)?required$/);
    }
    expectProblem(await tryLogin(person, {}, required), 403, "second_factor_required");
  });

  it("counts towards the user's changes", async () => {
    const send = appWith({
      SECOND_FACTOR: "required",
      SECOND_FACTOR_GRACE_DAYS: "0",
      RATE_LIMITS: "changesPerUser=2/1h",
    });
    const token = await enrolmentToken(await loggedIn(), {}, send);
    const begin = () => post(`${ENROLMENT}/totp`, { enrolment_token: token }, {}, send);
    expect([(await begin()).status, (await begin()).status]).toEqual([201, 201]);
    expectProblem(await begin(), 429, "rate_limited");
  });
});

describe("the grace", () => {
  it("begins at the first login, is told, and ends in a login that asks to set up a factor", async () => {
    const moderator = await withStanding("moderator");
    expect(await requiredFrom(moderator.accessToken, appWith({}))).toBeNull();
    const before = Date.now();
    const answer = await tryLogin(moderator, {}, withGrace);
    expect(answer.status).toBe(200);
    const from = await requiredFrom(answer.json.access_token, withGrace);
    expect(Date.parse(from)).toBeGreaterThanOrEqual(before + 7 * DAY);
    expect(answer.json.second_factor_required_from).toBe(from);
    vi.setSystemTime(Date.parse(from) - 1);
    const inTime = await tryLogin(moderator, {}, withGrace);
    expect(inTime.status).toBe(200);
    expect(await requiredFrom(inTime.json.access_token, withGrace)).toBe(from);
    vi.setSystemTime(Date.parse(from));
    expectProblem(await tryLogin(moderator, {}, withGrace), 403, "second_factor_enrolment_required");
  });

  it("begins at a refresh, for who was logged in when the setting was turned on", async () => {
    const admin = await withStanding("admin");
    const rotated = await refresh(admin.refreshToken, withGrace);
    const noted = (await rowOf(admin.email))?.second_factor_demanded_at;
    expect(noted).toBeTypeOf("number");
    vi.setSystemTime(Date.now() + DAY);
    const again = await refresh(rotated.json.refresh_token, withGrace);
    expect(again.status).toBe(200);
    expect((await rowOf(admin.email))?.second_factor_demanded_at).toBe(noted);
    expect(Date.parse(await requiredFrom(again.json.access_token, withGrace))).toBe(Number(noted) + 7 * DAY);
  });

  it("begins with the role, is forgotten with it, and begins again with the next", async () => {
    const [person, root] = [await loggedIn(), await withStanding("superuser")];
    const noted = async () => (await rowOf(person.email))?.second_factor_demanded_at;
    const patch = (change: object) =>
      call("PATCH", `/api/v1/users/${person.userId}`, { bearer: root.accessToken, body: change }, withGrace);
    expect((await patch({ role: "moderator" })).status).toBe(200);
    const first = Number(await noted());
    expect(first).toBeGreaterThan(0);
    vi.setSystemTime(Date.now() + 60_000);
    expect((await patch({ role: "admin", is_superuser: true })).status).toBe(200);
    expect(await noted()).toBe(first);
    expect((await patch({ role: "user", is_superuser: false })).status).toBe(200);
    expect(await noted()).toBeNull();
    expect((await patch({ role: "moderator" })).status).toBe(200);
    expect(await noted()).toBeGreaterThan(first);
    // A login after the setting is turned off clears the time.
    expect((await tryLogin(person)).status).toBe(200);
    expect(await noted()).toBeNull();
  });

  it("concerns no user without a permission, unless everyone must have a factor", async () => {
    const person = await loggedIn();
    expect(await requiredFrom(person.accessToken, withGrace)).toBeNull();
    expect(Date.parse(await requiredFrom(person.accessToken, required))).toBeLessThanOrEqual(Date.now());
    expect((await tryLogin(person, {}, forOperators)).status).toBe(200);
  });
});

describe("a session of one factor", () => {
  it("of an operator keeps their own account open, and none of their permissions [AC-8]", async () => {
    const admin = await withStanding("admin");
    expect((await listUsers(admin.accessToken, withGrace)).status).toBe(200);
    const rotated = await refresh(admin.refreshToken, forOperators);
    expect(rotated.status).toBe(200);
    const { access_token: bearer } = rotated.json;
    expectProblem(await listUsers(bearer, forOperators), 403, "second_factor_enrolment_required");
    const { userId } = await loggedIn();
    const suspension = { bearer, body: { is_active: false } };
    const refused = await call("PATCH", `/api/v1/users/${userId}`, suspension, forOperators);
    expectProblem(refused, 403, "second_factor_enrolment_required");
    expect((await readMe(bearer, forOperators)).status).toBe(200);

    // The way out for the operator is to set up a factor and to reauthenticate with it.
    nextStep();
    const added = await post("/api/v1/users/me/factors/totp", undefined, { bearer }, forOperators);
    const code = await codeOf(added.json.secret);
    const confirm = "/api/v1/users/me/factors/totp/confirm";
    expect((await post(confirm, { code }, { bearer }, forOperators)).status).toBe(200);
    const unproved = await listUsers(bearer, forOperators);
    expectProblem(unproved, 403, "reauthentication_required");
    expect(unproved.json.acr_values).toBe("aal2");
    nextStep();
    const raised = await reauthenticate(bearer, { totp: await codeOf(added.json.secret) }, forOperators);
    expect((await listUsers(raised.json.access_token, forOperators)).status).toBe(200);
  });
});

describe("the last second factor", () => {
  it("can't be removed by a user who must have one, not even in the grace period [PK-4]", async () => {
    const person = await enrolled();
    const everyone = appWith({ SECOND_FACTOR: "required" });
    expectProblem(await remove(person.accessToken, person.totp.id, everyone), 409, "last_factor");
    expectProblem(await remove(person.accessToken, crypto.randomUUID(), everyone), 404, "not_found");
    expect((await factorsOf(person.accessToken, everyone)).json.items).toHaveLength(1);
    expect((await remove(person.accessToken, person.totp.id, forOperators)).status).toBe(204);
  });

  it("stays, if both of two are removed at once", async () => {
    const person: LoggedIn & { totp: { id: string } } = await enrolled();
    const bearer = person.accessToken;
    const begun = await post("/api/v1/users/me/factors/totp", undefined, { bearer });
    await post("/api/v1/users/me/factors/totp/confirm", { code: await codeOf(begun.json.secret) }, { bearer });
    const ids = [person.totp.id, begun.json.id];
    const answers = await Promise.all(ids.map((id) => remove(bearer, id, required)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409]);
    expect((await factorsOf(bearer, required)).json.items).toHaveLength(1);
  });
});

describe("the least length of a new password", () => {
  const EIGHT = "8letters";
  const change = (person: LoggedIn, send: Send, new_password = EIGHT) => {
    const body = { current_password: person.password, new_password };
    return post("/api/v1/users/change-password", body, { bearer: person.accessToken }, send);
  };
  const isTooShort = (answer: Answer) => {
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ code: "too_short" }]);
  };

  it("is 8 for a user who must have a second factor by now, and 15 for others [PW-1]", async () => {
    const [admin, user, holder] = [await withStanding("admin"), await loggedIn(), await enrolled()];
    isTooShort(await change(admin, withGrace));
    isTooShort(await change(user, forOperators));
    // Here the user may remove the factor, so the factor does not lower the minimum length.
    isTooShort(await change(holder, forOperators));
    expect((await change(admin, forOperators, "seven77")).status).toBe(422);
    expect((await change(admin, forOperators)).status).toBe(204);
    expect((await change(holder, required)).status).toBe(204);
  });

  it("is the same for a reset by email [PW-1]", async () => {
    const [admin, user] = [await withStanding("admin"), await loggedIn()];
    const reset = async (person: LoggedIn) => {
      const body = { token: await recoveryToken(person), new_password: EIGHT };
      return post("/api/v1/auth/reset-password", body, {}, forOperators);
    };
    isTooShort(await reset(user));
    expect((await reset(admin)).status).toBe(204);
  });

  it("is 8 for everyone only where no password is enough from the first login on [PW-1]", async () => {
    const everyoneLater = appWith({ SECOND_FACTOR: "required" });
    isTooShort(await register({ ...newPerson(), password: EIGHT }, everyoneLater));
    isTooShort(await register({ ...newPerson(), password: EIGHT }, forOperators));
    expect((await register({ ...newPerson(), password: EIGHT }, required)).status).toBe(202);
    expect((await get("/register", {}, required)).text).toContain("At least 8 characters");
  });

  it("is what the operator has set, for everyone", async () => {
    const send = appWith({ SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0", PASSWORD_MIN_LENGTH: "20" });
    const nineteen = "nineteen characters";
    isTooShort(await register({ ...newPerson(), password: nineteen }, send));
    isTooShort(await change(await loggedIn(), send, nineteen));
  });
});
