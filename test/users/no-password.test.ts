import { describe, expect, it, vi } from "vitest";
import { NEW_PASSWORD, readMe, tryLogin } from "../support/account.ts";
import { atOnce, call, expectProblem, get, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { codeOf, enrolled, nextStep } from "../support/factors.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, mailAbout, newPerson, rowOf } from "../support/people.ts";

const MINUTE = 60_000;
const NO_PASSWORD = "!";
const FACTORS = "/api/v1/users/me/factors";

type Caller = Pick<LoggedIn, "accessToken">;

const setPassword = ({ accessToken: bearer }: Caller, body: object = {}) =>
  post("/api/v1/users/change-password", { new_password: NEW_PASSWORD, ...body }, { bearer });
const changeEmail = ({ accessToken: bearer }: Caller, body: object = {}) =>
  post("/api/v1/users/me/email", { email: newPerson().email, ...body }, { bearer });
const deleteMe = ({ accessToken: bearer }: Caller, body: object = {}) =>
  call("DELETE", "/api/v1/users/me", { bearer, body });
const removePassword = ({ accessToken: bearer }: Caller, body: object = {}) =>
  call("DELETE", "/api/v1/users/me/password", { bearer, body });

const ROUTES = [
  ["change-password", setPassword, 204, "current_password"],
  ["the change of email address", changeEmail, 202, "password"],
  ["the deletion of the account", deleteMe, 204, "password"],
  ["the removal of the password", removePassword, 204, "current_password"],
] as const;

/** Takes the password away in D1, as undoing a change of the email address does, but does not end the session. */
async function withoutPassword<Person extends LoggedIn>(person: Person): Promise<Person> {
  await setUser(person, { password_hash: NO_PASSWORD });
  return person;
}

describe("a user without a password", () => {
  it.each(ROUTES)("confirms %s by a recent login [PR-6]", async (_, request, status) => {
    const person = await withoutPassword(await loggedIn());
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    expectProblem(await request(person), 403, "reauthentication_required");
    expect((await readMe(person.accessToken)).json.email).toBe(person.email);
    vi.setSystemTime(Date.now() - 2 * MINUTE);
    const answer = await request(person);
    expect(answer.status, answer.text).toBe(status);
  });

  it.each(ROUTES)("confirms %s with the second factor, if there is one", async (_, request, status) => {
    const person = await withoutPassword(await enrolled());
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    const refused = await request(person);
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json).toMatchObject({ acr_values: "aal2", max_age: 900 });
    nextStep();
    const proof = { totp: await codeOf(person.totp.secret) };
    const proved = await post("/api/v1/auth/reauthenticate", proof, { bearer: person.accessToken });
    expect(proved.status, proved.text).toBe(200);
    const answer = await request({ accessToken: proved.json.access_token });
    expect(answer.status, answer.text).toBe(status);
  });

  it.each(ROUTES)("is the only one who may leave it out of %s", async (_, request, __, field) => {
    const person = await loggedIn();
    const refused = await request(person);
    expectProblem(refused, 422, "validation_failed");
    expect(refused.json.errors).toEqual([{ field, code: "required", message: "This field is required." }]);
    expect((await readMe(person.accessToken)).json.email).toBe(person.email);
  });

  it("gets a first password, which ends every other session, and which the owner is told of [SE-9]", async () => {
    const person = await loggedIn();
    const other = await withoutPassword(await logIn(person));
    const weak = await setPassword(person, { new_password: "fourteen chars" });
    expectProblem(weak, 422, "validation_failed");
    expect((await setPassword(person)).status).toBe(204);
    expectProblem(await readMe(other.accessToken), 401, "invalid_access_token");
    expect((await readMe(person.accessToken)).status).toBe(200);
    await mailAbout(person.email, /password has been changed/);
    await eventsOf(person.userId, "password_changed");
    await logIn({ ...person, password: NEW_PASSWORD });
    // From now on, a change needs the current password.
    expectProblem(await setPassword(person, { new_password: "yet another password" }), 422, "validation_failed");
  });

  it("gets one first password, however many are set at once", async () => {
    const person = await withoutPassword(await loggedIn());
    const passwords = Array.from({ length: 5 }, (_, index) => `${NEW_PASSWORD} number ${index}`);
    const answers = await Promise.all(passwords.map((new_password) => setPassword(person, { new_password })));
    const set = passwords.filter((_, index) => answers[index]?.status === 204);
    expect(set).toHaveLength(1);
    expect((await tryLogin({ ...person, password: set[0] ?? "" })).status).toBe(200);
    // A client that sends the same request twice succeeds twice.
    const another = await withoutPassword(await loggedIn());
    const same = await atOnce(2, () => setPassword(another));
    expect(same.filter(({ status }) => status === 204).length).toBeGreaterThanOrEqual(1);
    expect((await tryLogin({ ...another, password: NEW_PASSWORD })).status).toBe(200);
  });

  it("has no password that could be right", async () => {
    const person = await withoutPassword(await loggedIn());
    for (const password of [person.password, NO_PASSWORD]) {
      expectProblem(await tryLogin({ ...person, password }), 401, "invalid_credentials");
      expectProblem(await deleteMe(person, { password }), 403, "wrong_password");
    }
    expect(await rowOf(person.email)).not.toBeNull();
  });

  it("is told from one with a password by the list of factors", async () => {
    const person = await loggedIn();
    const hasPassword = async () => (await get(FACTORS, { bearer: person.accessToken })).json.has_password;
    expect(await hasPassword()).toBe(true);
    await withoutPassword(person);
    expect(await hasPassword()).toBe(false);
  });
});
