import { beforeAll, describe, expect, it } from "vitest";
import { forgotPassword, NEW_PASSWORD, register, resetPassword, tryLogin, verifyEmail } from "../support/account.ts";
import { call, expectProblem, post, type Send } from "../support/client.ts";
import { countRows, setUser } from "../support/database.ts";
import {
  eventsOf,
  type LoggedIn,
  logIn,
  mailAbout,
  mailsTo,
  newPerson,
  rowOf,
  tokenAbout,
  unverified,
  withStanding,
} from "../support/people.ts";
import { appInterrupted } from "../support/slow-database.ts";

const RESET = /^Reset your Postern password$/;
const PROFILE = { first_name: "Mallory", last_name: "Marsh", phone: "+441234567890" };

let superuser: LoggedIn;

beforeAll(async () => {
  superuser = await withStanding("superuser");
});

const patch = async ({ email }: { email: string }, body: object, send?: Send) =>
  call("PATCH", `/api/v1/users/${(await rowOf(email))?.id}`, { bearer: superuser.accessToken, body }, send);

/** A registration with a profile. Its email address was never verified. `token` is in the link for that. */
async function stranger() {
  const person = newPerson();
  return unverified({ ...person, ...PROFILE });
}

describe("PATCH is_verified of a registration that was never proved", () => {
  it("removes the password and the profile that the registration set, and emails the owner a link to set a password", async () => {
    const person = await stranger();
    const answer = await patch(person, { is_verified: true });
    expect(answer.json).toMatchObject({ is_verified: true, username: person.username, first_name: null, phone: null });
    for (const name of [{ email: person.email }, { username: person.username }]) {
      expectProblem(
        await post("/api/v1/auth/login", { ...name, password: person.password }),
        401,
        "invalid_credentials",
      );
    }
    expect((await mailAbout(person.email, RESET)).text).toContain(`(${person.username})`);
    const [event] = await eventsOf(String((await rowOf(person.email))?.id), "verification_changed");
    expect(event?.actor_id).toBe(superuser.userId);

    expect((await resetPassword(await tokenAbout(person.email, RESET))).status).toBe(204);
    const { answer: login } = await logIn({ ...person, password: NEW_PASSWORD });
    expect(login.json.user).toMatchObject({
      username: person.username,
      first_name: null,
      last_name: null,
      phone: null,
    });
  });

  it("keeps the profile that the operator sends with it", async () => {
    const person = await stranger();
    const { json } = await patch(person, { is_verified: true, first_name: "Bob" });
    expect(json).toMatchObject({ first_name: "Bob", last_name: null });
  });

  it("leaves every registration of the address without effect: its link, its password and another email", async () => {
    const first = await stranger();
    const second = await unverified({ ...newPerson(), email: first.email }, 2);
    await patch(first, { is_verified: true });
    await mailAbout(first.email, RESET);
    const row = await rowOf(first.email);
    for (const { token, password } of [first, second]) {
      expectProblem(await verifyEmail(token), 400, "invalid_token");
      expect((await tryLogin({ email: first.email, password })).status).not.toBe(200);
    }
    await post("/api/v1/auth/resend-verification", { email: first.email });
    await register({ ...newPerson(), email: first.email });
    await mailAbout(first.email, /^You already have an account/);
    expect((await mailsTo(first.email)).filter(({ subject }) => /^Verify/.test(subject))).toHaveLength(2);
    expect(await rowOf(first.email)).toEqual(row);
    expect(await countRows("registrations", "username", first.username), "its own registration is spent").toBe(0);
  });

  it("does not take the password of an owner who proves the address at that moment", async () => {
    const person = await stranger();
    const send = appInterrupted("update `users` set", () => verifyEmail(person.token));
    expect((await patch(person, { is_verified: true }, send)).json).toMatchObject({ is_verified: true, ...PROFILE });
    await logIn(person);
  });
});

describe("an account whose owner has never been there", () => {
  const RAISES = [{ role: "moderator" }, { role: "admin" }, { is_superuser: true }];

  async function expectNoRole(person: { email: string }): Promise<void> {
    for (const body of RAISES) {
      const answer = await patch(person, body);
      expectProblem(answer, 403, "forbidden");
      expect(answer.json.errors).toMatchObject([{ field: Object.keys(body)[0], code: "unproved" }]);
    }
    expect(await rowOf(person.email)).toMatchObject({ role: "user", is_superuser: 0 });
  }

  it("gets no role, before it is verified by hand, in that request, or afterwards", async () => {
    const person = await stranger();
    await expectNoRole(person);
    expectProblem(await patch(person, { is_verified: true, role: "moderator" }), 403, "forbidden");
    expect(await rowOf(person.email), "nothing has changed").toMatchObject({ is_verified: 0, ...PROFILE });
    await patch(person, { is_verified: true });
    await expectNoRole(person);
    expect((await patch(person, { role: "user" })).status).toBe(200);
  });

  it.each<[string, object[]]>([
    ["a suspension", [{ is_active: false }, { is_active: true }]],
    ["a verification that was taken back and given again", [{ is_verified: false }, { is_verified: true }]],
  ])("gets no role after %s either", async (_, changes) => {
    const person = await stranger();
    await patch(person, { is_verified: true });
    for (const change of changes) expect((await patch(person, change)).status).toBe(200);
    await post(`/api/v1/users/${(await rowOf(person.email))?.id}/revoke-sessions`, undefined, {
      bearer: superuser.accessToken,
    });
    await expectNoRole(person);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
  });

  it.each([[{ is_active: false }, { is_active: true }], [{ is_verified: false }]])(
    "does not keep its password because it was changed by %j before it is verified",
    async (...changes) => {
      const person = await stranger();
      await post(`/api/v1/users/${(await rowOf(person.email))?.id}/revoke-sessions`, undefined, {
        bearer: superuser.accessToken,
      });
      for (const change of [...changes, { is_verified: true }]) await patch(person, change);
      expectProblem(await tryLogin(person), 401, "invalid_credentials");
      await expectNoRole(person);
    },
  );

  it("gets another link when it is verified again, and a role once its owner has used that", async () => {
    const person = await stranger();
    for (const is_verified of [true, false]) await patch(person, { is_verified });
    await mailAbout(person.email, RESET);
    await patch(person, { is_verified: true });
    await mailsTo(person.email, 3);
    expect((await resetPassword(await tokenAbout(person.email, RESET))).status).toBe(204);
    expect((await patch(person, { role: "moderator" })).json.role).toBe("moderator");
  });

  it("may be one that was imported as verified without a password, but not one with a password", async () => {
    const [without, withOne] = [await stranger(), await stranger()];
    await setUser(without, { is_verified: 1, password_hash: "!" });
    await setUser(withOne, { is_verified: 1 });
    await expectNoRole(without);
    expect((await patch(withOne, { role: "moderator" })).json.role).toBe("moderator");
  });
});

describe("POST /api/v1/auth/reset-password of a registration that was never proved", () => {
  it("sets the password of the owner, and takes over no profile that a stranger wrote", async () => {
    const person = await stranger();
    await forgotPassword(person.email);
    expect((await resetPassword(await tokenAbout(person.email, RESET))).status).toBe(204);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    const { answer } = await logIn({ ...person, password: NEW_PASSWORD });
    expect(answer.json.user).toMatchObject({
      username: person.username,
      first_name: null,
      last_name: null,
      phone: null,
    });
  });

  it("leaves the profile of an owner who was there before", async () => {
    const person = await stranger();
    await verifyEmail(person.token);
    await forgotPassword(person.email);
    await resetPassword(await tokenAbout(person.email, RESET));
    expect((await logIn({ ...person, password: NEW_PASSWORD })).answer.json.user).toMatchObject(PROFILE);
  });
});
