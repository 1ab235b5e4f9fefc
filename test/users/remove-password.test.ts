import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LastPasskey } from "../../src/factors/last-passkey.ts";
import {
  expectEnded,
  logInByLink,
  loginLink,
  NEW_PASSWORD,
  readMe,
  resetPassword,
  tryLogin,
} from "../support/account.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { appWith, atOnce, call, expectProblem, get, inTurn, post, type Send } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { enrolled, reported, withEmailCodes } from "../support/factors.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailAbout,
  mailsTo,
  rowOf,
  tokenAbout,
  withStanding,
} from "../support/people.ts";
import { appInterrupted } from "../support/slow-database.ts";
import { watchedDatabase } from "../support/watched-database.ts";

const MINUTE = 60_000;
const PASSWORD = "/api/v1/users/me/password";
const FACTORS = "/api/v1/users/me/factors";
const PASSKEYS = `${FACTORS}/passkeys`;
const SITE = { rpId: "localhost", origin: "http://localhost:8787" };
/** The beginning of the statement that removes the password. */
const CHANGE = "update `users` set";

/** Users can't log in by email. */
const offline = { EMAIL_LOGIN: "off" };
const withoutEmail = appWith(offline);

type Caller = Pick<LoggedIn, "accessToken">;

const removePassword = ({ accessToken: bearer, password }: Caller & Pick<LoggedIn, "password">, send?: Send) =>
  call("DELETE", PASSWORD, { bearer, body: { current_password: password } }, send);
const removeFactor = ({ accessToken: bearer }: Caller, id: string, send: Send = withoutEmail) =>
  call("DELETE", `${FACTORS}/${id}`, { bearer }, send);
const setPassword = ({ accessToken: bearer }: Caller) =>
  post("/api/v1/users/change-password", { new_password: NEW_PASSWORD }, { bearer });
const factorsOf = async ({ accessToken: bearer }: Caller) => (await get(FACTORS, { bearer })).json;

async function addPasskey({ accessToken: bearer }: Caller) {
  const authenticator = await createAuthenticator(SITE);
  const options = await post(`${PASSKEYS}/options`, undefined, { bearer });
  const added = await post(PASSKEYS, { credential: await authenticator.register(options.json) }, { bearer });
  expect(added.status, added.text).toBe(201);
  return { authenticator, passkeyId: String(added.json.id) };
}

async function logInWithPasskey(authenticator: Awaited<ReturnType<typeof createAuthenticator>>) {
  const options = await post("/api/v1/auth/passkey/options");
  return post("/api/v1/auth/passkey", { credential: await authenticator.authenticate(options.json) });
}

/** A person who has added a passkey, and has logged in with it. `other` is another session of theirs. */
async function withPasskey() {
  const other = await loggedIn();
  const added = await addPasskey(other);
  const { json } = await logInWithPasskey(added.authenticator);
  const { access_token: accessToken, refresh_token: refreshToken, session_id: sessionId } = json;
  return { ...other, ...added, accessToken, refreshToken, sessionId, other };
}

/** A person like that of `withPasskey`, but without a password. */
async function passwordless() {
  const person = await withPasskey();
  await setUser(person, { password_hash: "!" });
  return person;
}

describe("DELETE /api/v1/users/me/password", () => {
  it("removes the password of a user with a passkey: every other session ends, and the owner is told [SE-9]", async () => {
    const person = await withPasskey();
    expect((await removePassword(person, withoutEmail)).status).toBe(204);
    expect((await factorsOf(person)).has_password).toBe(false);
    expect((await readMe(person.accessToken)).status).toBe(200);
    await expectEnded(person.other);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    const [event] = await eventsOf(person.userId, "password_removed");
    expect(event).toMatchObject({ actor_id: person.userId });
    const notice = await mailAbout(person.email, /^Your Postern password has been removed$/);
    expect(notice.text).toContain("If this wasn't you, set a new password now.");
    expect((await logInWithPasskey(person.authenticator)).status).toBe(200);

    // A password can be set again.
    expect((await setPassword(person)).status).toBe(204);
    expect((await tryLogin({ ...person, password: NEW_PASSWORD })).json.code).toBe("second_factor_required");
  });

  it("needs another way to log in: a passkey, or email", async () => {
    for (const person of [await loggedIn(), await enrolled()]) {
      const before = await rowOf(person.email);
      expectProblem(await removePassword(person, withoutEmail), 409, "last_login_method");
      expect(await rowOf(person.email)).toEqual(before);
    }
    // An emailed code can't be the second factor of a login by emailed link, so this user can't log in by email.
    expectProblem(await removePassword(await withEmailCodes()), 409, "last_login_method");
    const person = await loggedIn();
    expect((await removePassword(person)).status).toBe(204);
    expect((await logInByLink(await loginLink(person))).status).toBe(200);
  });

  it("refuses a wrong password before all else, and counts it", async () => {
    const person = await loggedIn();
    const before = await rowOf(person.email);
    const guesses = await inTurn(10, () => removePassword({ ...person, password: NEW_PASSWORD }, withoutEmail));
    expect(guesses).toEqual(Array(10).fill(403));
    expectProblem(await removePassword(person), 429, "rate_limited");
    expect(await rowOf(person.email)).toEqual(before);
    expect(await eventsOf(person.userId, "password_check_failed", 10)).toHaveLength(10);
  });

  it("needs a recent login with the factor, if there is one [PR-6]", async () => {
    const person = await withPasskey();
    const refused = await removePassword(person.other);
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json).toMatchObject({ acr_values: "aal2", max_age: 900 });
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    expectProblem(await removePassword(person), 403, "reauthentication_required");
    expect((await factorsOf(person)).has_password).toBe(true);
  });

  it("answers a repetition in the same way, and tells the owner once", async () => {
    const person = await withPasskey();
    const answers = await atOnce(5, () => removePassword(person, withoutEmail));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(204));
    expect((await removePassword(person, withoutEmail)).status).toBe(204);
    await mailAbout(person.email, /password has been removed/);
    expect(await eventsOf(person.userId, "password_removed")).toHaveLength(1);
    const notices = (await mailsTo(person.email)).filter(({ subject }) => /password has been removed/.test(subject));
    expect(notices).toHaveLength(1);
  });

  it("is tried again if something else of the user changes meanwhile, and refused if that goes on", async () => {
    const person = await loggedIn();
    const rename = () => call("PUT", "/api/v1/users/me", { bearer: person.accessToken, body: { first_name: "Ada" } });
    expect((await removePassword(person, appInterrupted(CHANGE, rename))).status).toBe(204);
    expect(await rowOf(person.email)).toMatchObject({ first_name: "Ada", password_hash: "!" });

    const busy = await loggedIn();
    const DB = watchedDatabase(env.DB, async (make, method) => {
      if (method === "batch") {
        const { updated_at: version } = (await rowOf(busy.email)) ?? {};
        await setUser(busy, { updated_at: Number(version) + 1 });
      }
      return make();
    });
    expectProblem(await removePassword(busy, appWith({}, { DB })), 412, "precondition_failed");
    expect((await tryLogin(busy)).status).toBe(200);
  });

  it("leaves a password that the same session has set meanwhile", async () => {
    const person = await loggedIn();
    const body = { current_password: person.password, new_password: NEW_PASSWORD };
    const change = () => post("/api/v1/users/change-password", body, { bearer: person.accessToken });
    expectProblem(await removePassword(person, appInterrupted(CHANGE, change)), 412, "precondition_failed");
    expect((await tryLogin({ ...person, password: NEW_PASSWORD })).status).toBe(200);
  });

  it("changes nothing in a session that a change of the password has ended meanwhile, or of a deleted user", async () => {
    const person = await loggedIn();
    const there = await logIn(person);
    const change = () => {
      const body = { current_password: person.password, new_password: NEW_PASSWORD };
      return post("/api/v1/users/change-password", body, { bearer: there.accessToken });
    };
    expectProblem(await removePassword(person, appInterrupted(CHANGE, change)), 401, "invalid_access_token");
    expect((await tryLogin({ ...person, password: NEW_PASSWORD })).status).toBe(200);

    const leaving = await loggedIn();
    const leave = () =>
      call("DELETE", "/api/v1/users/me", { bearer: leaving.accessToken, body: { password: leaving.password } });
    expectProblem(await removePassword(leaving, appInterrupted(CHANGE, leave)), 401, "invalid_access_token");
  });
});

describe("the last passkey of a user without a password", () => {
  it("can't be removed if no one logs in by email", async () => {
    const person = await passwordless();
    expectProblem(await removeFactor(person, person.passkeyId), 409, "last_login_method");
    expect((await logInWithPasskey(person.authenticator)).status).toBe(200);
    expectProblem(await removeFactor(person, crypto.randomUUID()), 404, "not_found");

    // The first passkey can be removed if there is another one.
    const { passkeyId } = await addPasskey(person);
    expect((await removeFactor(person, person.passkeyId)).status).toBe(204);
    expectProblem(await removeFactor(person, passkeyId), 409, "last_login_method");
    // The last passkey can be removed if there is a password.
    expect((await setPassword(person)).status).toBe(204);
    expect((await removeFactor(person, passkeyId)).status).toBe(204);
  });

  it("can be removed if users log in by email", async () => {
    const person = await passwordless();
    expect((await removeFactor(person, person.passkeyId, appWith({}))).status).toBe(204);
    expect((await logInByLink(await loginLink(person))).status).toBe(200);
  });

  it("can be removed by an operator, and then its owner resets the password by email", async () => {
    const [person, operator] = [await passwordless(), await withStanding("superuser")];
    const path = `/api/v1/users/${person.userId}/factors`;
    expect((await call("DELETE", path, { bearer: operator.accessToken }, withoutEmail)).status).toBe(204);
    await reported(person);
    expect((await post("/api/v1/auth/forgot-password", { email: person.email })).status).toBe(202);
    expect((await resetPassword(await tokenAbout(person.email, /^Reset your Postern password/))).status).toBe(204);
    await logIn({ ...person, password: NEW_PASSWORD });
  });
});

describe("the password and the last passkey, removed at once,", () => {
  it("leave the user one of them", async () => {
    for (let round = 0; round < 8; round++) {
      const person = await withPasskey();
      const requests = [
        () => removePassword(person, withoutEmail),
        () => removeFactor(person, person.passkeyId),
        () => removeFactor(person, person.passkeyId),
      ];
      if (round % 2 === 0) requests.reverse();
      const answers = await Promise.all(requests.map((request) => request()));
      for (const { status, text } of answers) expect([204, 403, 404, 409], text).toContain(status);
      const row = await rowOf(person.email);
      const hasPassword = row?.password_hash !== "!";
      const hasPasskey = (await factorsOf(person)).items.length > 0;
      expect(hasPassword || hasPasskey, JSON.stringify(answers.map(({ status }) => status))).toBe(true);
    }
  });

  it("leave the password if the passkey is removed right before it", async () => {
    const person = await withPasskey();
    const send = appInterrupted(
      CHANGE,
      async () => expect((await removeFactor(person, person.passkeyId)).status).toBe(204),
      [],
      offline,
    );
    expectProblem(await removePassword(person, send), 409, "last_login_method");
    expect((await tryLogin(person)).status).toBe(200);
  });

  it("leave the passkey if the password is removed right before it", async () => {
    const person = await withPasskey();
    expect((await removePassword(person, withoutEmail)).status).toBe(204);
    expectProblem(await removeFactor(person, person.passkeyId), 409, "last_login_method");
    expect((await logInWithPasskey(person.authenticator)).status).toBe(200);
  });

  it("don't count a passkey that is about to go, and count it again if D1 does not answer", async () => {
    const lastPasskey = new LastPasskey();
    const claim = { userId: crypto.randomUUID(), id: "a passkey", now: Date.now() };
    const { promise, reject } = Promise.withResolvers<never>();
    const DB = watchedDatabase(env.DB, () => promise);
    const removal = lastPasskey.release(DB, claim, () => "removed");
    expect(lastPasskey.isLeaving(claim.id)).toBe(true);
    expect(lastPasskey.isLeaving("another")).toBe(false);
    reject(new Error("D1 is out."));
    await expect(removal).rejects.toThrow("D1 is out.");
    expect(lastPasskey.isLeaving(claim.id)).toBe(false);
    // This user does not exist, so there is no password.
    expect(await lastPasskey.release(env.DB, claim, (hasPassword) => hasPassword)).toBe(false);
  });
});
