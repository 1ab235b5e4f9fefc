import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { type Client, type ClientOptions, PosternError } from "../../src/client/index.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { appWith, ORIGIN, post } from "../support/client.ts";
import { codeOf, emailedCode, enrolled, nextStep, withEmailCodes } from "../support/factors.ts";
import { loggedIn, registered } from "../support/people.ts";
import { CHECK, LOGIN, statesOf } from "./visitor.ts";
import { type Credentials, credentialsOf, visitorOfWorker } from "./worker.ts";

const SECOND = "POST /api/v1/auth/second-factor";

/** The error of a login whose password is right, but which needs a second factor. */
async function refusalOf(client: Client, credentials: Credentials): Promise<PosternError & { pendingToken: string }> {
  const error: unknown = await client.login(credentials).catch((cause: unknown) => cause);
  if (!(error instanceof PosternError)) throw new Error("The login was not refused.");
  const { pendingToken } = error;
  if (pendingToken === undefined) throw error;
  return Object.assign(error, { pendingToken });
}

/** A person with an authenticator app, who has entered the password. */
async function begun(options?: Partial<ClientOptions>) {
  const person = await enrolled();
  const visitor = visitorOfWorker();
  const client = visitor.open(options);
  const states = statesOf(client);
  const refusal = await refusalOf(client, credentialsOf(person));
  return { person, visitor, client, states, refusal };
}

describe("client.login, for a user with a second factor", () => {
  it("throws what the next step needs, and the user is not logged in", async () => {
    const { client, states, refusal } = await begun();
    expect(refusal).toMatchObject({ status: 403, code: "second_factor_required", expiresIn: 600 });
    expect(refusal.pendingToken).toMatch(/^ppt_/);
    expect(refusal.factors.toSorted()).toEqual(["recovery_code", "totp"]);
    expect(await client.user()).toBeNull();
    expect(states).toEqual([{ status: "signed_out", reason: "no_session" }]);
  });

  it("throws other refusals without these", async () => {
    const { person, client } = await begun();
    await expect(client.login({ email: person.email, password: "not the password" })).rejects.toMatchObject({
      code: "invalid_credentials",
      pendingToken: undefined,
      factors: [],
      expiresIn: undefined,
    });
  });
});

describe("client.proveSecondFactor", () => {
  it("finishes the login with a code, and keeps the refresh token in memory", async () => {
    const { person, client, states, refusal } = await begun({ deviceName: "Laptop" });
    const totp = await codeOf(person.totp.secret);
    const user = await client.proveSecondFactor({ pendingToken: refusal.pendingToken, totp });
    expect(user.email).toBe(person.email);
    expect(await client.user()).toEqual(user);
    expect(states.at(-1)).toEqual({ status: "signed_in", user });
    expect(await client.refresh()).toBe(true);
    const sessions = await (await client.fetch("/api/v1/users/me/sessions")).json();
    expect(sessions).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ device_name: "Laptop" })]),
    });
  });

  it("finishes it with a recovery code in cookie mode, and checks the cookie", async () => {
    const { person, visitor, client, refusal } = await begun({ mode: "cookie" });
    const [recoveryCode = ""] = person.recoveryCodes;
    const user = await client.proveSecondFactor({ pendingToken: refusal.pendingToken, recoveryCode });
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(visitor.count(CHECK)).toBe(1);
    expect(await visitor.open({ mode: "cookie" }).user()).toEqual(user);
  });

  it("trusts the browser if the user wants that: the next login needs the password alone", async () => {
    const { person, visitor, client, refusal } = await begun({ mode: "cookie" });
    const [recoveryCode = ""] = person.recoveryCodes;
    await client.proveSecondFactor({ pendingToken: refusal.pendingToken, recoveryCode, trustDevice: true });
    await client.logout();
    expect(await visitor.open({ mode: "cookie" }).login(credentialsOf(person))).toMatchObject({ email: person.email });
  });

  it("trusts nothing in memory mode, which keeps no proof of it", async () => {
    const { person, visitor, client, refusal } = await begun();
    const [recoveryCode = ""] = person.recoveryCodes;
    await client.proveSecondFactor({ pendingToken: refusal.pendingToken, recoveryCode, trustDevice: true });
    expect(JSON.parse(visitor.sent.find(({ what }) => what === SECOND)?.body ?? "")).not.toHaveProperty("trust_device");
  });

  it("ends the session if the browser keeps no cookie", async () => {
    const { person, visitor, client, refusal } = await begun({ mode: "cookie" });
    visitor.refuseCookies();
    const totp = await codeOf(person.totp.secret);
    const outcome = client.proveSecondFactor({ pendingToken: refusal.pendingToken, totp });
    await expect(outcome).rejects.toMatchObject({ code: "cookies_refused" });
  });

  it("finishes it with a code by email, which it has asked for", async () => {
    const person = await withEmailCodes();
    const client = visitorOfWorker().open();
    const refusal = await refusalOf(client, credentialsOf(person));
    expect(refusal.factors).toEqual(["email", "recovery_code"]);
    const { pendingToken } = refusal;
    expect(await client.sendSecondFactorCode({ pendingToken })).toEqual({ status: "accepted" });
    const emailCode = await emailedCode(person, pendingToken, 2);
    expect(await client.proveSecondFactor({ pendingToken, emailCode })).toMatchObject({ email: person.email });
  });

  it("can be tried again after a wrong code, and works once", async () => {
    const { person, visitor, client, states, refusal } = await begun();
    const { pendingToken } = refusal;
    const wrong = client.proveSecondFactor({ pendingToken, totp: "000000" });
    await expect(wrong).rejects.toMatchObject({ code: "invalid_factor", status: 401 });
    expect(states).toHaveLength(1);
    await client.proveSecondFactor({ pendingToken, totp: await codeOf(person.totp.secret) });
    nextStep();
    const again = client.proveSecondFactor({ pendingToken, totp: await codeOf(person.totp.secret) });
    await expect(again).rejects.toMatchObject({ status: 401 });
    const unknown = client.proveSecondFactor({ pendingToken: "ppt_unknown", totp: "000000" });
    await expect(unknown).rejects.toMatchObject({ code: "invalid_pending_token" });
    expect([visitor.count(LOGIN), visitor.count(SECOND)]).toEqual([1, 4]);
  });
});

describe("client.setUpSecondFactor", () => {
  const VALUES = { SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" };

  /** A person who must set up a factor, and has entered the password. */
  async function recruited(options?: Partial<ClientOptions>) {
    const person = await registered();
    const visitor = visitorOfWorker(appWith(VALUES));
    const client = visitor.open(options);
    const error: unknown = await client.login(credentialsOf(person)).catch((cause: unknown) => cause);
    if (!(error instanceof PosternError)) throw new Error("The login was not refused.");
    expect(error).toMatchObject({ code: "second_factor_enrolment_required", factors: ["totp", "passkey"] });
    const { enrolmentToken = "" } = error;
    const begin = async (path: string) =>
      (
        await post(
          `/api/v1/auth/enrolment/${path}`,
          { enrolment_token: enrolmentToken },
          { headers: { Origin: ORIGIN } },
        )
      ).json;
    return { person, visitor, client, enrolmentToken, begin };
  }

  it("finishes the login with a new app, and returns the recovery codes", async () => {
    const { person, visitor, client, enrolmentToken, begin } = await recruited({ mode: "cookie" });
    const other = visitor.open({ mode: "cookie" });
    const { secret } = await begin("totp");
    nextStep();
    const wrong = client.setUpSecondFactor({ enrolmentToken, totp: "000000" });
    await expect(wrong).rejects.toMatchObject({ code: "invalid_factor", status: 401 });
    const outcome = await client.setUpSecondFactor({ enrolmentToken, totp: await codeOf(secret) });
    expect(outcome.user.email).toBe(person.email);
    expect(outcome.recoveryCodes).toHaveLength(10);
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(await other.user()).toEqual(await client.user());
  });

  it("finishes the login with a new passkey", async () => {
    const { client, enrolmentToken, begin } = await recruited();
    const authenticator = await createAuthenticator({ rpId: "localhost", origin: ORIGIN });
    const passkey = await authenticator.register(await begin("passkey/options"));
    const outcome = await client.setUpSecondFactor({ enrolmentToken, passkey, name: "Key" });
    expect(outcome.recoveryCodes).toHaveLength(10);
    const factors = await (await client.fetch("/api/v1/users/me/factors")).json();
    expect(factors).toMatchObject({ items: [{ kind: "passkey", name: "Key" }] });
  });
});

describe("a passkey", () => {
  async function owner() {
    const person = await loggedIn();
    const { accessToken: bearer } = person;
    const authenticator = await createAuthenticator({ rpId: "localhost", origin: ORIGIN });
    const path = "/api/v1/users/me/factors/passkeys";
    const credential = await authenticator.register((await post(`${path}/options`, undefined, { bearer })).json);
    expect((await post(path, { credential }, { bearer })).status).toBe(201);
    const use = async (body?: object) =>
      authenticator.authenticate((await post("/api/v1/auth/passkey/options", body)).json);
    return { person, use };
  }

  it("logs in alone", async () => {
    const { person, use } = await owner();
    const visitor = visitorOfWorker();
    const client = visitor.open({ mode: "cookie" });
    const user = await client.loginWithPasskey(await use());
    expect(user.email).toBe(person.email);
    expect(visitor.cookie()).toMatch(/^prt_/);
    expect(await client.refresh()).toBe(true);
  });

  it("proves the second factor", async () => {
    const { person, use } = await owner();
    const visitor = visitorOfWorker();
    const client = visitor.open();
    const { pendingToken, factors } = await refusalOf(client, credentialsOf(person));
    expect(factors).toContain("passkey");
    await client.proveSecondFactor({ pendingToken, passkey: await use({ pending_token: pendingToken }) });
    await client.user();
    const bearer = visitor.sent.findLast((one) => one.bearer !== undefined)?.bearer ?? "";
    expect(decodeJwt(bearer)).toMatchObject({ acr: "aal2" });
  });
});
