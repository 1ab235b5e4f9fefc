import { describe, expect, it } from "vitest";
import { register as registerEndpoint } from "../../src/features/register/register.ts";
import { forgotPassword, logInByLink, loginLink, register, resetPassword, tryLogin } from "../support/account.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { appWith, expectProblem, get, post, refusedFields, shown } from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { countRows } from "../support/database.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { recordLogs } from "../support/logs.ts";
import {
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  rowOf,
  tokenAbout,
  unverified,
} from "../support/people.ts";

const REGISTER = "/api/v1/auth/register";
const PASSKEYS = "/api/v1/users/me/factors/passkeys";
const SITE = { rpId: "localhost", origin: "http://localhost:8787" };

/** A new person who chooses no password. */
function withoutPassword() {
  const { email, username } = newPerson();
  return { email, username };
}

const verify = (token: string) => post("/api/v1/auth/verify-email", { token });

/** Logs in with an emailed link. `count` is the number of login emails that the address then has. */
async function logInByEmail(person: { email: string }, count = 1) {
  const answer = await logInByLink(await loginLink(person, count));
  expect(answer.status, answer.text).toBe(200);
  return answer.json;
}

describe("a registration without a password", () => {
  it("makes an account whose verified owner logs in by email, and at once adds a passkey that logs in", async () => {
    const person = withoutPassword();
    const answer = await register(person);
    expect([answer.status, answer.json]).toEqual([202, { status: "verification_required" }]);
    const [mail] = await mailsTo(person.email);
    expect(mail?.text, "the page learns how the user logs in").toMatch(/verify-email#token=[\w-]+&login=email>/);
    expect((await verify(await mailedToken(person.email))).json).toEqual({ status: "verified" });

    const { access_token: bearer, user } = await logInByEmail(person);
    expect(user).toMatchObject({ ...person, is_verified: true });
    expect((await get("/api/v1/users/me/factors", { bearer })).json.has_password).toBe(false);

    const authenticator = await createAuthenticator(SITE);
    const options = await post(`${PASSKEYS}/options`, undefined, { bearer });
    const added = await post(PASSKEYS, { credential: await authenticator.register(options.json) }, { bearer });
    expect(added.status, added.text).toBe(201);
    const challenge = await post("/api/v1/auth/passkey/options");
    const credential = await authenticator.authenticate(challenge.json);
    expect((await post("/api/v1/auth/passkey", { credential })).status).toBe(200);
  });

  it("exists only with EMAIL_LOGIN=on: otherwise the password is required, and nothing is stored", async () => {
    const person = withoutPassword();
    const answer = await register(person, appWith({ EMAIL_LOGIN: "off" }));
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toEqual([{ field: "password", code: "required", message: "This field is required." }]);
    expect(await countRows("registrations", "email", person.email)).toBe(0);
  });

  it("needs a password that is good, if there is one", async () => {
    for (const password of ["", "short", null]) {
      const answer = await register({ ...withoutPassword(), password });
      expectProblem(answer, 422, "validation_failed");
      expect(refusedFields(answer)).toEqual(["password"]);
    }
  });

  it("gets the same answer for a known address, by the same work, and emails its owner [RG-1, RG-2]", async () => {
    const owner = await registered();
    const before = await rowOf(owner.email);
    const logs = recordLogs();
    const fresh = await register(withoutPassword());
    const known = await register({ ...withoutPassword(), email: owner.email });
    expect(shown(known)).toEqual(shown(fresh));
    const costs = logs()
      .filter(({ route }) => route === REGISTER)
      .map(({ hops, storage_calls }) => ({ hops, storage_calls }));
    expect(costs).toEqual([costs[0], costs[0]]);
    expect((await mailsTo(owner.email, 2))[0]?.subject).toBe("You already have an account with Postern");
    expect(await rowOf(owner.email)).toEqual(before);
    for (const { email } of [owner, newPerson()]) {
      const hashing = countingHashes();
      const answer = await runEndpoint(registerEndpoint, hashing.services, { body: { ...withoutPassword(), email } });
      expect([outcomeOf(answer), hashing.costs]).toEqual([{ status: "verification_required" }, []]);
    }
  });

  it("is opened by no password, before it is verified and after, whether or not the address had an account", async () => {
    const [owner, fresh] = [await registered(), withoutPassword()];
    const known = { ...withoutPassword(), email: owner.email };
    for (const person of [fresh, known]) expect((await register(person)).status).toBe(202);
    const tryEach = async () => {
      for (const { username } of [fresh, known]) {
        for (const password of ["!", "a guess that is long enough"]) {
          expectProblem(await post("/api/v1/auth/login", { username, password }), 401, "invalid_credentials");
        }
      }
    };
    await tryEach();
    expect((await verify(await mailedToken(fresh.email))).status).toBe(200);
    await tryEach();
    await logIn(owner);
  });

  it("keeps its username from everyone, also from the same person, who can prove nothing", async () => {
    const person = withoutPassword();
    expect((await register(person)).status).toBe(202);
    const others = [person, { ...person, email: newPerson().email }, { ...person, password: newPerson().password }];
    for (const other of others) expectProblem(await register(other), 409, "username_taken");
    const guarded = await unverified();
    const { email, username } = guarded;
    expectProblem(await register({ email, username }), 409, "username_taken");
    expect((await post("/api/v1/auth/resend-verification", { email: person.email })).status).toBe(202);
    expect((await verify(await mailedToken(person.email, 2))).status).toBe(200);
    expect((await verify(guarded.token)).status).toBe(200);
    await logIn(guarded);
  });

  it("of an address that was registered with a password, too, leaves the choice to the link that is used", async () => {
    const chosen = await unverified();
    const without = { ...withoutPassword(), email: chosen.email };
    expect((await register(without)).status).toBe(202);
    await mailsTo(chosen.email, 2);
    const newest = await tokenAbout(chosen.email, /Verify your email address/, 2);
    expect((await verify(newest)).status).toBe(200);
    expect((await tryLogin(chosen)).json.code).not.toBe("invalid_token");
    expect((await rowOf(chosen.email))?.username).toBe(without.username);
    expect((await logInByEmail(chosen)).user.username).toBe(without.username);
  });

  it("gets a password by a reset, like every account", async () => {
    const person = withoutPassword();
    await register(person);
    expect((await verify(await mailedToken(person.email))).status).toBe(200);
    await forgotPassword(person.email);
    const token = await tokenAbout(person.email, /Reset your Postern password/);
    expect((await resetPassword(token, "another fine password")).status).toBe(204);
    await logIn({ ...person, password: "another fine password" });
  });
});
