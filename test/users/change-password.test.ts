import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { expectEnded, readMe, refresh, tryLogin } from "../support/account.ts";
import { appWith, atOnce, expectProblem, freshAddress, laneOf, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { type LoggedIn, loggedIn, logIn, mailsTo, registered, rowOf } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const CHANGE = "/api/v1/users/change-password";
const NEW = "another fine password";
const change = (person: LoggedIn, body: object = {}) =>
  post(CHANGE, { current_password: person.password, new_password: NEW, ...body }, { bearer: person.accessToken });

describe("POST /api/v1/users/change-password", () => {
  it("changes the password: this session lives on, every other ends, and the owner is told [SE-9]", async () => {
    const person = await registered();
    const [here, there] = [await logIn(person), await logIn(person)];
    expect((await change(here)).status).toBe(204);

    expect((await readMe(here.accessToken)).status).toBe(200);
    const refreshed = await refresh(here.refreshToken);
    expect(refreshed.status).toBe(200);
    await expectEnded(there);

    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    await logIn({ ...person, password: NEW });
    const [notice] = await mailsTo(person.email, 2);
    expect(notice?.subject).toBe("Your Postern password has been changed");
    expect(notice?.text).not.toContain(NEW);
  });

  it("refuses a wrong current password, which counts, and a right one gives the attempt back [PW-8]", async () => {
    const person = await loggedIn();
    const wrong = () => change(person, { current_password: "not the current one" });
    expect((await change(person)).status).toBe(204);
    for (let attempt = 0; attempt < 10; attempt++) expectProblem(await wrong(), 403, "wrong_password");
    expectProblem(await wrong(), 429, "rate_limited");
    expectProblem(await change(person), 429, "rate_limited");
    expect((await readMe(person.accessToken)).status).toBe(200);
  });

  it("holds the new password to the same rules as registration [PW-1, PW-8]", async () => {
    const person = await loggedIn();
    const answer = await change(person, { new_password: "fourteen chars" });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toMatchObject([{ field: "new_password", code: "too_short" }]);
    expectProblem(await change(person, { current_password: undefined }), 422, "validation_failed");
    expectProblem(await post(CHANGE, {}, { bearer: person.accessToken }), 422, "validation_failed");
    expectProblem(await post(CHANGE, { current_password: "x", new_password: NEW }), 401, "unauthorized");
  });

  it("lets one of two devices win that change it at once, and logs the other out", async () => {
    const person = await registered();
    const devices = [await logIn(person), await logIn(person)];
    const answers = await Promise.all(
      devices.map((device, index) => change(device, { new_password: `${NEW} number ${index}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
    const alive = await Promise.all(devices.map(async ({ accessToken }) => (await readMe(accessToken)).status));
    expect(alive).toEqual(answers.map(({ status }) => (status === 204 ? 200 : 401)));
  });

  it("never lets a login with the old password outlive the change", async () => {
    for (let round = 0; round < 5; round++) {
      const person = await loggedIn();
      const [login] = await Promise.all([tryLogin(person, { address: freshAddress() }), change(person)]);
      if (login.status === 200) expectProblem(await readMe(login.json.access_token), 401, "invalid_access_token");
      else expectProblem(login, 401, "invalid_credentials");
    }
  });

  it("never refuses the session that asks while the change is under way", async () => {
    const person = await loggedIn();
    const calls = Array.from({ length: 12 }, () => readMe(person.accessToken));
    const [changed, ...answers] = await Promise.all([change(person), ...calls]);
    expect(changed?.status).toBe(204);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("refuses sessions of an earlier epoch at once, even if they have not been ended yet", async () => {
    const { accessToken, refreshToken, email } = await loggedIn();
    await env.DB.prepare("UPDATE users SET session_epoch = session_epoch + 1 WHERE email = ?").bind(email).run();
    await expectEnded({ accessToken, refreshToken });
  });

  it("answers the same request twice with success if it is sent twice at once, and keeps the session", async () => {
    const person = await loggedIn();
    const other = await logIn(person);
    const answers = await atOnce(2, () => change(person));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect((await readMe(person.accessToken)).status).toBe(200);
    expect((await refresh(person.refreshToken)).status).toBe(200);
    await expectEnded(other);
    expect((await rowOf(person.email))?.session_epoch).toBe(1);
    expect((await tryLogin({ ...person, password: NEW })).status).toBe(200);
  });

  it("lets one of two different changes win, and refuses the other one's current password", async () => {
    const person = await loggedIn();
    const passwords = ["the first fine password", "the second fine password"];
    const answers = await Promise.all(passwords.map((new_password) => change(person, { new_password })));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 403]);
    for (const answer of answers.filter(({ status }) => status === 403)) expectProblem(answer, 403, "wrong_password");
    expect((await readMe(person.accessToken)).status).toBe(200);
  });

  it("ends the kept session too when the epoch moves on, though its object was never told of the change", async () => {
    const person = await loggedIn();
    await setUser(person, { session_epoch: 1, kept_session_id: person.sessionId });
    expect((await readMe(person.accessToken)).status).toBe(200);
    await setUser(person, { session_epoch: 2, kept_session_id: null });
    await expectEnded(person);
  });

  it("trusts no session in an epoch that D1 has not reached", async () => {
    const person = await loggedIn();
    const { sessions, users } = coldIsolate();
    const user = await users.find(person.userId);
    if (user === undefined) throw new Error("not found");
    const ahead = { ...user, sessionEpoch: 1, keptSessionId: person.sessionId };
    await sessions.align(ahead, { forgetsDevices: false, changesRole: false });
    await expectEnded(person);
  });

  it("answers 503 busy when no password can be checked, and changes nothing", async () => {
    const person = await loggedIn();
    const before = await rowOf(person.email);
    const narrow = appWith(laneOf(0));
    const body = { current_password: "not the current one", new_password: NEW };
    const answers = await atOnce(6, () => post(CHANGE, body, { bearer: person.accessToken }, narrow));
    expect(answers.some(({ json }) => json.code === "busy")).toBe(true);
    expect((await rowOf(person.email))?.password_hash).toBe(before?.password_hash);
  });
});
