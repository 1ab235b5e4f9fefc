import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { sealFactors } from "../../src/commands/import/imported-factors.ts";
import { createUserReader } from "../../src/commands/import/imported-user.ts";
import { sha256 } from "../../src/platform/crypto.ts";
import { encodeBase64url, utf8 } from "../../src/platform/encoding.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { createProvisioningStore } from "../../src/users/provisioning.ts";
import { OWN_COST_OF_DECOMPOSED } from "../passwords/foreign-vectors.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { encodeCbor } from "../support/cbor.ts";
import { atOnce, call, expectProblem, get, post } from "../support/client.ts";
import { setUser, withoutTable } from "../support/database.ts";
import { codeOf, nextStep, pendingToken, reported, secondStep } from "../support/factors.ts";
import { eventsOf, loggedIn, logIn, mailsTo, newPerson, rowOf, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";
const SITE = { rpId: "localhost", origin: "http://localhost:8787" };
const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const handleOf = (name: string) => encodeBase64url(utf8(`user ${name} of the old service`));

const sha256Of = (text: string) => Buffer.from(sha256(utf8(text)));

/** Adds a user with these fields, as the import command does. */
async function imported(fields: object) {
  const person = { ...newPerson(), password: "cafe\u0301 au lait" };
  const { email, username } = person;
  const line = { email, username, is_verified: true, password_hash: OWN_COST_OF_DECOMPOSED, ...fields };
  const read = createUserReader(
    { seed: email, startedAt: Date.now() },
    SITE.rpId,
  )({
    number: 1,
    bytes: Buffer.from(JSON.stringify(line)),
    end: 0,
  });
  if (read === undefined || !("user" in read) || read.factors === undefined)
    throw new Error(`No user with factors: ${JSON.stringify(read)}`);
  const { db, secrets } = coldIsolate();
  const { user, event, factors } = read;
  const arrival = { user: { ...user, ...(await sealFactors(user.id, factors, secrets, systemRandom)) }, event };
  const add = () => createProvisioningStore(db).add([arrival], Date.now(), { replacesUnproved: true });
  expect(await add()).toEqual([null]);
  nextStep();
  return { ...person, userId: user.id, add };
}

/**
 * An authenticator with a passkey that another service created, and the fields of the passkey in that service's export.
 */
async function withForeignPasskey({
  userHandle,
  algorithm = -7,
  isSynced = true,
}: {
  userHandle: string;
  algorithm?: number;
  isSynced?: boolean;
}) {
  const authenticator = createAuthenticator({ ...SITE, algorithm, isSynced });
  let cose = new Uint8Array();
  await authenticator.register(
    { rp: { id: SITE.rpId }, user: { id: userHandle }, challenge: "x", pubKeyCredParams: [{ alg: algorithm }] },
    {
      coseKey: (key) => {
        cose = encodeCbor(key);
        return key;
      },
    },
  );
  const [made] = authenticator.passkeys;
  if (made === undefined) throw new Error("There is no passkey.");
  const passkey = { id: encodeBase64url(made.id), public_key: encodeBase64url(cose), rp_id: SITE.rpId };
  return { authenticator, passkey, jwk: await crypto.subtle.exportKey("jwk", made.keys.publicKey) };
}

describe("an imported user with second factors", () => {
  it("is asked for them at the first login, and gets in with the app's code, once [MF-1]", async () => {
    const person = await imported({
      totp: [{ secret: "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp", name: "Phone", created_at: "2021-02-03T04:05:06Z" }],
    });
    const asked = await post(LOGIN, { email: person.email, password: person.password });
    expectProblem(asked, 403, "second_factor_required");
    expect(asked.json.factors).toEqual(["totp"]);
    const code = await codeOf(SECRET);
    const wrong = { totp: code === "000000" ? "000001" : "000000" };
    expectProblem(await secondStep(asked.json.pending_token, wrong), 401, "invalid_factor");
    const answer = await secondStep(asked.json.pending_token, { totp: code });
    expect(answer.status, answer.text).toBe(200);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ acr: "aal2" });
    expectProblem(await secondStep(await pendingToken(person), { totp: code }), 401, "invalid_factor");

    const list = await get("/api/v1/users/me/factors", { bearer: answer.json.access_token });
    const item = { kind: "totp", name: "Phone", created_at: "2021-02-03T04:05:06.000Z" };
    expect(list.json).toMatchObject({ items: [item], recovery_codes_left: 0 });
    const { text } = await get("/api/v1/users/me/export", { bearer: answer.json.access_token });
    expect(JSON.parse(text).second_factors).toMatchObject([item]);
    expect(text).not.toMatch(/JBSW|sealed/i);
    expect(await mailsTo(person.email, 0), "nothing has changed").toEqual([]);
  });

  it("has them in D1 until the user's object has them, sealed", async () => {
    const person = await imported({ totp: [{ secret: SECRET }], recovery_codes: ["Abcd-1234-EFGH"] });
    const waiting = await rowOf(person.email);
    expect(waiting?.imported_factors).toContain("sealedSeed");
    expect(JSON.stringify(waiting)).not.toMatch(/JBSWY3DP|abcd-?1234/i);
    await pendingToken(person);
    await reported(person);
    const row = await rowOf(person.email);
    expect(row).toMatchObject({ imported_factors: null, second_factor_since: waiting?.second_factor_since });
  });

  it("is the same after another run, before and after the first login", async () => {
    const person = await imported({ totp: [{ secret: SECRET }] });
    const before = await rowOf(person.email);
    await person.add();
    expect(await rowOf(person.email)).toEqual(before);
    expect((await secondStep(await pendingToken(person), { totp: await codeOf(SECRET) })).status).toBe(200);
    await reported(person);
    await person.add();
    expect((await rowOf(person.email))?.imported_factors).toBeNull();
    nextStep();
    expect((await secondStep(await pendingToken(person), { totp: await codeOf(SECRET) })).status).toBe(200);
  });

  it("has each factor once after ten logins at the same time", async () => {
    const person = await imported({ totp: [{ secret: SECRET }] });
    const login = { email: person.email, password: person.password };
    const answers = await atOnce(10, () => post(LOGIN, login));
    expect(new Set(answers.map(({ json }) => json.code))).toEqual(new Set(["second_factor_required"]));
    const { items } = await coldIsolate().factors.list(person.userId);
    expect(items).toHaveLength(1);
  });

  it("does not get in by the password while D1 does not answer", async () => {
    const person = await imported({ totp: [{ secret: SECRET }] });
    const { id, session_epoch } = (await rowOf(person.email)) ?? {};
    const { sessions } = coldIsolate();
    const origin = { device: "d", deviceName: null, userAgent: null, ipAddress: "192.0.2.1" };
    await withoutTable("users", async () => {
      const opening = sessions.create(String(id), crypto.randomUUID(), Number(session_epoch), origin, ["pwd"], {
        isExpected: true,
      });
      await expect(opening).rejects.toThrow("sessions did not answer");
    });
    await pendingToken(person);
  });

  it("spends each recovery code once, however it was hashed and however it is typed [MF-4]", async () => {
    const person = await imported({
      totp: [{ secret: SECRET }],
      recovery_codes: ["Plain-Code-0001"],
      recovery_code_hashes: [
        sha256Of("1a2B-3c4D").toString("hex"),
        sha256Of("ABCDEFGH23").toString("base64url"),
        sha256Of("as shown 99").toString("base64"),
      ],
    });
    for (const [typed, left] of [
      ["plain code0001", 3],
      ["1a2B-3c4D", 2],
      ["abcd-efgh-23", 1],
      [" as shown 99 ", 0],
    ] as const) {
      const answer = await secondStep(await pendingToken(person), { recovery_code: typed });
      expect(answer.status, `${typed}: ${answer.text}`).toBe(200);
      const list = await get("/api/v1/users/me/factors", { bearer: answer.json.access_token });
      expect(list.json.recovery_codes_left).toBe(left);
    }
    const again = await secondStep(await pendingToken(person), { recovery_code: "plain code0001" });
    expectProblem(again, 401, "invalid_factor");
  });

  it.each([
    [-7, "COSE"],
    [-7, "JWK"],
    [-8, "COSE"],
    [-8, "JWK"],
    [-257, "COSE"],
    [-257, "JWK"],
  ] as const)("logs in by a passkey of algorithm %d alone, whose key came as %s [PK-2]", async (algorithm, form) => {
    const userHandle = handleOf(`${algorithm} ${form}`);
    const { authenticator, passkey, jwk } = await withForeignPasskey({ algorithm, userHandle });
    const person = await imported({
      passkeys: [{ ...passkey, public_key: form === "JWK" ? jwk : passkey.public_key }],
      passkey_user_handle: userHandle,
    });
    const options = await post("/api/v1/auth/passkey/options");
    const credential = await authenticator.authenticate(options.json);
    const answer = await post("/api/v1/auth/passkey", { credential });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.user.email).toBe(person.email);
    expectProblem(await post("/api/v1/auth/passkey", { credential }), 401, "invalid_passkey");
  });

  it("proves the second step by a passkey, and learns what the export did not say of it", async () => {
    const userHandle = handleOf("17");
    const { authenticator, passkey } = await withForeignPasskey({ userHandle, isSynced: false });
    const person = await imported({ passkeys: [{ ...passkey, counter: 5 }], passkey_user_handle: userHandle });
    const use = async (tweak: object) => {
      const token = await pendingToken(person);
      const options = await post("/api/v1/auth/passkey/options", { pending_token: token });
      expect(options.json.allowCredentials).toMatchObject([{ id: passkey.id }]);
      return secondStep(token, { passkey: await authenticator.authenticate(options.json, tweak) });
    };
    expectProblem(await use({ counter: 6, userHandle: "AAAA" }), 401, "invalid_factor");
    expect((await use({ counter: 6 })).status).toBe(200);
    // The first use said that the passkey can't be backed up. This property never changes (WebAuthn §6.1.3).
    expectProblem(await use({ counter: 7, flags: (flags: number) => flags | 0x08 }), 401, "invalid_factor");
    expect((await use({ counter: 3 })).status).toBe(200);
    await reported(person);
    await eventsOf(person.userId, "passkey_counter_fell_back");
  });

  it("whose factors an operator removes before the first login gets them back by no login", async () => {
    const person = await imported({ totp: [{ secret: SECRET }] });
    const { accessToken: bearer } = await withStanding("admin");
    const path = `/api/v1/users/${person.userId}/factors`;
    expect((await call("DELETE", path, { bearer })).status).toBe(204);
    expect(await rowOf(person.email)).toMatchObject({ imported_factors: null, second_factor_since: null });
    await logIn(person);
    await reported(person);
    const [mail, ...others] = await mailsTo(person.email);
    expect([mail?.subject, others]).toEqual([expect.stringContaining("second"), []]);
  });
});

describe("the removal of all second factors by an operator", () => {
  it("is told once, however often and whenever it is repeated", async () => {
    const person = await imported({ totp: [{ secret: SECRET }] });
    await pendingToken(person);
    const { accessToken: bearer } = await withStanding("admin");
    const remove = () => call("DELETE", `/api/v1/users/${person.userId}/factors`, { bearer });
    await atOnce(5, remove);
    await remove();
    // As if the repeated request had begun before D1 had the change.
    await coldIsolate().factors.removeAll(person.userId, { actorId: person.userId, isKnown: true });
    const { notices } = await runInDurableObject(env.USER_SESSIONS.getByName(person.userId), (_, { storage }) => ({
      notices: [...storage.kv.list({ prefix: "owner_report:" })].length,
    }));
    expect(notices).toBe(1);
    await reported(person);
    await eventsOf(person.userId, "second_factors_removed");
  });

  it("is told again where the factors were lost", async () => {
    const person = await loggedIn();
    await setUser(person, { second_factor_since: 1 });
    const { accessToken: bearer } = await withStanding("admin");
    expect((await call("DELETE", `/api/v1/users/${person.userId}/factors`, { bearer })).status).toBe(204);
    await reported(person);
    await eventsOf(person.userId, "second_factors_removed");
  });
});
