import { beforeAll, describe, expect, it } from "vitest";
import { acceptInvitation } from "../../src/features/invitations/accept-invitation.ts";
import { forgotPassword, logInByLink, loginLink, resetPassword, tryLogin, verifyEmail } from "../support/account.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { appWith, expectProblem, get, ORIGIN, post, refusedFields, type Send } from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { countRows } from "../support/database.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import {
  eventsOf,
  type LoggedIn,
  logIn,
  mailedToken,
  newPerson,
  rowOf,
  tokenAbout,
  unverified,
  withStanding,
} from "../support/people.ts";
import { appInterrupted } from "../support/slow-database.ts";

const PASSKEYS = "/api/v1/users/me/factors/passkeys";

let admin: LoggedIn;

beforeAll(async () => {
  admin = await withStanding("admin");
});

const accept = (body: object, send?: Send) => post("/api/v1/auth/accept-invitation", body, {}, send);

/** Invites a person. Returns a body that accepts without a password. `mails`: how many emails the address then has. */
async function invited({ email, username } = newPerson(), mails = 1) {
  const answer = await post("/api/v1/invitations", { email }, { bearer: admin.accessToken });
  expect(answer.status, answer.text).toBe(202);
  return { email, username, token: await mailedToken(email, mails) };
}

/** A person who has accepted an invitation without a password. */
async function accepted() {
  const person = await invited();
  const answer = await accept(person);
  expect(answer.status, answer.text).toBe(200);
  return person;
}

describe("an invitation that is accepted without a password", () => {
  it("makes a verified user, who logs in by email, and at once adds a passkey that logs in", async () => {
    const { token, ...person } = await invited();
    const answer = await accept({ ...person, token });
    expect([answer.status, answer.json]).toEqual([200, { status: "verified" }]);

    const login = await logInByLink(await loginLink(person));
    expect(login.status, login.text).toBe(200);
    const { access_token: bearer, user } = login.json;
    expect(user).toMatchObject({ ...person, is_verified: true, role: "user" });
    expect(await eventsOf(user.id, "invitation_accepted")).toMatchObject([{ actor_id: user.id }]);
    expect((await get("/api/v1/users/me/factors", { bearer })).json.has_password).toBe(false);

    const authenticator = await createAuthenticator({ rpId: "localhost", origin: ORIGIN });
    const options = await post(`${PASSKEYS}/options`, undefined, { bearer });
    const added = await post(PASSKEYS, { credential: await authenticator.register(options.json) }, { bearer });
    expect(added.status, added.text).toBe(201);
    const challenge = await post("/api/v1/auth/passkey/options");
    const credential = await authenticator.authenticate(challenge.json);
    expect((await post("/api/v1/auth/passkey", { credential })).status).toBe(200);
  });

  it("needs EMAIL_LOGIN=on: otherwise the password is required, and the link stays valid", async () => {
    const person = await invited();
    const answer = await accept(person, appWith({ EMAIL_LOGIN: "off" }));
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors).toEqual([{ field: "password", code: "required", message: "This field is required." }]);
    expect(await countRows("users", "email", person.email)).toBe(0);
    expect((await accept(person)).status).toBe(200);
  });

  it("needs a password that is good, if there is one", async () => {
    const person = await invited();
    for (const password of ["", "short", null]) {
      const answer = await accept({ ...person, password });
      expectProblem(answer, 422, "validation_failed");
      expect(refusedFields(answer)).toEqual(["password"]);
    }
    const { password } = newPerson();
    expect((await accept({ ...person, password })).status).toBe(200);
    await logIn({ ...person, password });
  });

  it("hashes nothing, and no password opens the account", async () => {
    const person = await invited();
    const hashing = countingHashes();
    const answer = await runEndpoint(acceptInvitation, hashing.services, { body: person });
    expect([outcomeOf(answer), hashing.costs]).toEqual([{ status: "verified" }, []]);
    for (const password of ["!", "a guess that is long enough"]) {
      expectProblem(await tryLogin({ ...person, password }), 401, "invalid_credentials");
    }
  });

  it("replaces a registration of the address, whose link and password then open nothing", async () => {
    const rival = await unverified();
    const person = await invited({ ...newPerson(), email: rival.email }, 2);
    expect((await accept(person)).status).toBe(200);
    expectProblem(await verifyEmail(rival.token), 400, "invalid_token");
    expect(await rowOf(person.email)).toMatchObject({ username: person.username, is_verified: 1 });
    // The same answer as if the registration still waited.
    expectProblem(await tryLogin(rival), 403, "email_not_verified");
  });

  it("gets a password by a reset, like every account", async () => {
    const person = await accepted();
    await forgotPassword(person.email);
    const token = await tokenAbout(person.email, /Reset your Postern password/);
    expect((await resetPassword(token, "another fine password")).status).toBe(204);
    await logIn({ ...person, password: "another fine password" });
  });

  it("does not skip the second factor that everyone must have", async () => {
    const required = appWith({ SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" });
    const person = await invited();
    expect((await accept(person, required)).status).toBe(200);
    const answer = await logInByLink(await loginLink(person), {}, required);
    expectProblem(answer, 403, "second_factor_enrolment_required");
  });

  it.each(["new", "registered"])(
    "is accepted once, and has one event, if two equal requests meet, for an address that is %s",
    async (state) => {
      const earlier = state === "new" ? undefined : await unverified();
      const person = await invited({ ...newPerson(), ...(earlier && { email: earlier.email }) }, earlier ? 2 : 1);
      const send = appInterrupted("insert into `users`", async () => {
        expect((await accept(person)).status).toBe(200);
      });
      expectProblem(await accept(person, send), 409, "invitation_used");
      const { id } = (await rowOf(person.email)) ?? {};
      expect(await eventsOf(String(id), "invitation_accepted")).toHaveLength(1);
    },
  );
});
