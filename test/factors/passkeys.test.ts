import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { NO_REQUEST } from "../../src/audit/event-types.ts";
import { readMe } from "../support/account.ts";
import { createAuthenticator, type Tweak } from "../support/authenticator.ts";
import { type Answer, appWith, atOnce, call, deployedAt, expectProblem, get, post, shown } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { pendingToken, secondStep } from "../support/factors.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, mailsTo } from "../support/people.ts";

const SITE = { rpId: "localhost", origin: "http://localhost:8787" };
const OPTIONS = "/api/v1/users/me/factors/passkeys/options";
const PASSKEYS = "/api/v1/users/me/factors/passkeys";

type Authenticator = Awaited<ReturnType<typeof createAuthenticator>>;

const optionsOf = async (bearer: string) => (await post(OPTIONS, undefined, { bearer })).json;

async function addPasskey({ accessToken: bearer }: LoggedIn, authenticator: Authenticator, tweak?: Tweak, more = {}) {
  const credential = await authenticator.register(await optionsOf(bearer), tweak);
  return post(PASSKEYS, { credential, ...more }, { bearer });
}

/** A person with a passkey, and with the recovery codes that came with it. */
async function withPasskey(settings: object = {}) {
  const person = await loggedIn();
  const authenticator = await createAuthenticator({ ...SITE, ...settings });
  const added = await addPasskey(person, authenticator);
  expect(added.status, added.text).toBe(201);
  return { ...person, authenticator, passkeyId: added.json.id, recoveryCodes: added.json.recovery_codes };
}

async function use(authenticator: Authenticator, tweak?: Tweak, pending_token?: string) {
  const body = pending_token === undefined ? undefined : { pending_token };
  const options = await post("/api/v1/auth/passkey/options", body);
  expect(options.status, options.text).toBe(200);
  return authenticator.authenticate(options.json, tweak);
}

const logInWith = (credential: object, more: object = {}) => post("/api/v1/auth/passkey", { credential, ...more });

describe("GET /.well-known/webauthn", () => {
  const APPS = [
    "https://app.other.example",
    "https://auth.example.com",
    "https://shop.example.com:8443",
    "https://notexample.com",
    "http://plain.other.example",
    "capacitor://localhost",
  ];
  const SERVICE = "https://auth.example.com";
  const read = (values: object) =>
    get(`${SERVICE}/.well-known/webauthn`, {}, deployedAt(SERVICE, { PASSKEY_RP_ID: "example.com", ...values }));

  it("lists the allowed origins outside the domain of the passkeys", async () => {
    const answer = await read({ ALLOWED_ORIGINS: APPS.join(",") });
    expect(answer.json).toEqual({ origins: ["https://app.other.example", "https://notexample.com"] });
    expect(answer.headers.get("Content-Type")).toBe("application/json");
    expectProblem(await read({ ALLOWED_ORIGINS: "https://shop.example.com" }), 404, "not_found");
    expectProblem(await read({}), 404, "not_found");
  });

  it.each([
    ["https://app.other.example", 200],
    ["https://other.other.example", 401],
  ])("is true: a passkey that was used on a page of %s gets %d", async (origin, status) => {
    const { authenticator } = await withPasskey();
    const send = appWith({ ALLOWED_ORIGINS: "https://app.other.example" });
    const credential = await use(authenticator, { clientData: { origin } });
    const answer = await post("/api/v1/auth/passkey", { credential }, {}, send);
    expect(answer.status, answer.text).toBe(status);
  });
});

describe("a passkey", () => {
  it("is added with recovery codes, listed with a name, and the owner is told [PK-4]", async () => {
    const person = await withPasskey();
    expect(person.recoveryCodes).toHaveLength(10);
    const list = await get("/api/v1/users/me/factors", { bearer: person.accessToken });
    expect(list.json).toMatchObject({ items: [{ id: person.passkeyId, kind: "passkey", last_used_at: null }] });
    const [mail] = await mailsTo(person.email, 2);
    expect(mail?.text).toContain("A passkey was added");
  });

  it.each([-7, -8, -257] as const)("logs in alone with COSE algorithm %d, and the tokens say so", async (algorithm) => {
    const { authenticator, email } = await withPasskey({ algorithm });
    const answer = await logInWith(await use(authenticator), { device_name: "Phone" });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.user.email).toBe(email);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["swk", "user", "mfa"], acr: "aal2" });
    expect((await readMe(answer.json.access_token)).status).toBe(200);
  });

  it("is asked for after a password, and proves the second factor", async () => {
    const person = await withPasskey();
    const token = await pendingToken(person);
    const passkey = await use(person.authenticator, undefined, token);
    const answer = await secondStep(token, { passkey });
    expect(answer.status, answer.text).toBe(200);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["pwd", "swk", "user", "mfa"], acr: "aal2" });
  });

  it("reauthenticates a session, which may then remove it [MF-5]", async () => {
    const person = await withPasskey();
    const path = `/api/v1/users/me/factors/${person.passkeyId}`;
    expectProblem(await call("DELETE", path, { bearer: person.accessToken }), 403, "reauthentication_required");
    const proof = { passkey: await use(person.authenticator) };
    const renewed = await post("/api/v1/auth/reauthenticate", proof, { bearer: person.accessToken });
    expect(renewed.status, renewed.text).toBe(200);
    expect((await call("DELETE", path, { bearer: renewed.json.access_token })).status).toBe(204);
    await logIn(person);
  });

  it("opens one session for one challenge, however often its answer is sent [PK-1]", async () => {
    const { authenticator } = await withPasskey();
    const credential = await use(authenticator);
    const answers = await atOnce(10, () => logInWith(credential));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(9).fill(401)]);
  });

  it("is refused five minutes after its challenge [PK-1]", async () => {
    const { authenticator } = await withPasskey();
    const credential = await use(authenticator);
    vi.setSystemTime(Date.now() + 5 * 60_000);
    expectProblem(await logInWith(credential), 401, "invalid_passkey");
  });

  it.each<[string, Tweak]>([
    ["another origin", { clientData: { origin: "https://evil.example" } }],
    ["another relying party", { rpId: "evil.example" }],
    ["no user verification", { flags: (flags) => flags & ~4 }],
    ["the challenge of a stranger", { clientData: { challenge: "AAAA" } }],
    ["another ceremony", { clientData: { type: "webauthn.create" } }],
    ["a wrong signature", { signature: (bytes) => bytes.map((byte, at) => (at === 12 ? byte ^ 1 : byte)) }],
    ["no user handle", { userHandle: null }],
  ])("is refused with %s [PK-2]", async (_, tweak) => {
    const { authenticator, userId } = await withPasskey();
    expectProblem(await logInWith(await use(authenticator, tweak)), 401, "invalid_passkey");
    const sessions = await env.USER_SESSIONS.getByName(userId).list();
    expect(sessions).toHaveLength(1);
  });

  it("logs in nobody but its owner: the user handle of another is refused [PK-2]", async () => {
    const [one, other] = [await withPasskey(), await withPasskey()];
    const handle = btoa(
      String.fromCharCode(
        ...(other.userId.replaceAll("-", "").match(/../g) ?? []).map((hex) => Number.parseInt(hex, 16)),
      ),
    );
    const userHandle = handle.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    for (const wrong of [userHandle, "AAAAAAAAAAAAAAAAAAAAAA", "AAAA"]) {
      const answer = await logInWith(await use(one.authenticator, { userHandle: wrong }));
      expectProblem(answer, 401, "invalid_passkey");
    }
  });

  it("is not added for another user's challenge, twice, or without user verification [PK-1, PK-2]", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    const authenticator = await createAuthenticator(SITE);
    const stolen = await authenticator.register(await optionsOf(other.accessToken));
    const bearer = person.accessToken;
    expectProblem(await post(PASSKEYS, { credential: stolen }, { bearer }), 403, "invalid_passkey");
    const unverified = await addPasskey(person, authenticator, { flags: (flags) => flags & ~4 });
    expectProblem(unverified, 403, "invalid_passkey");
    const credential = await authenticator.register(await optionsOf(bearer));
    expect((await post(PASSKEYS, { credential, name: "Key" }, { bearer })).json.name).toBe("Key");
    const list = await get("/api/v1/users/me/factors", { bearer });
    expect(list.json.items).toHaveLength(1);
  });

  it("tells nobody whether an account exists: the options are the same for everyone [PK-3]", async () => {
    const [one, other] = [await post("/api/v1/auth/passkey/options"), await post("/api/v1/auth/passkey/options")];
    expect({ ...one.json, challenge: "" }).toEqual({ ...other.json, challenge: "" });
    expect(one.json.allowCredentials).toEqual([]);
  });

  it("whose counter falls back logs in, is recorded, and the owner is told [PK-2]", async () => {
    const { authenticator, email, userId } = await withPasskey({ isSynced: false });
    expect((await logInWith(await use(authenticator, { counter: 40 }))).status).toBe(200);
    expect((await logInWith(await use(authenticator, { counter: 7 }))).status).toBe(200);
    await eventsOf(userId, "passkey_counter_fell_back");
    await eventually(async () => {
      const subjects = (await mailsTo(email, 3)).map(({ subject }) => subject);
      expect(subjects).toContainEqual(expect.stringContaining("Check a passkey"));
    });
  });

  it("that the service does not have is named so, the same for a user who has none and for no user at all [PK-3]", async () => {
    const [person, other] = [await withPasskey(), await withPasskey()];
    const gone = await use(person.authenticator);
    // As if the passkey had been removed elsewhere while the device was offline.
    await env.USER_SESSIONS.getByName(person.userId)
      .factors({ actorId: person.userId, hasProvedFactor: true, origin: NO_REQUEST, traceparent: undefined })
      .remove(person.userId, person.passkeyId);
    const refused = await logInWith(gone);
    expectProblem(refused, 401, "invalid_passkey");
    expect(refused.json.reason).toBe("unknown_credential");
    const faceless = ({ json, ...answer }: Answer) => ({
      ...shown({ ...answer, json }),
      text: { ...json, request_id: "" },
    });
    for (const userHandle of [other.authenticator.passkeys[0]?.userHandle ?? "", "AAAAAAAAAAAAAAAAAAAAAA", "AAAA"]) {
      const answer = await logInWith(await use(person.authenticator, { userHandle }));
      expect(faceless(answer)).toEqual(faceless(refused));
    }
    // A passkey that the user has is never called unknown, even if something is wrong with its use.
    const tweaks: Tweak[] = [
      { signature: (bytes) => bytes.map((byte, at) => (at === 12 ? byte ^ 1 : byte)) },
      { clientData: { challenge: "AAAA" } },
      { userHandle: null },
    ];
    for (const tweak of tweaks) {
      const answer = await logInWith(await use(other.authenticator, tweak));
      expectProblem(answer, 401, "invalid_passkey");
      expect(answer.json).not.toHaveProperty("reason");
    }
    const credential = await use(other.authenticator);
    expect((await logInWith(credential)).status).toBe(200);
    expect((await logInWith(credential)).json).not.toHaveProperty("reason");
  });

  it("is not kept waiting by wrong codes", async () => {
    const person = await withPasskey();
    const token = await pendingToken(person);
    const wrong = { recovery_code: "aaaa-aaaa-aaaa-aaaa" };
    for (let tries = 0; tries < 6; tries += 1) await secondStep(token, wrong);
    expectProblem(await secondStep(token, { recovery_code: person.recoveryCodes[0] }), 429, "rate_limited");
    const passkey = await use(person.authenticator, undefined, token);
    expect((await secondStep(token, { passkey })).status).toBe(200);
  });

  it("opens no session of an account that is disabled or unverified", async () => {
    const person = await withPasskey();
    for (const [columns, code] of [
      [{ is_active: 0 }, "account_disabled"],
      [{ is_active: 1, is_verified: 0 }, "email_not_verified"],
    ] as const) {
      await setUser(person, columns);
      expectProblem(await logInWith(await use(person.authenticator)), 403, code);
    }
    expect(await env.USER_SESSIONS.getByName(person.userId).list()).toHaveLength(1);
  });
});
