import { env, exports } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it, vi } from "vitest";
import { createVerifier, VerificationError } from "../../src/verify/index.ts";
import { call, ORIGIN, post, theWorker } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { type LoggedIn, loggedIn, withStanding } from "../support/people.ts";
import { type Issuer, startIssuer } from "./issuer.ts";

const verifierOf = (issuer: Issuer, more = {}) =>
  createVerifier({
    issuer: issuer.url,
    audience: issuer.url,
    fetcher: issuer.fetcher,
    now: () => issuer.time,
    ...more,
  });

/** Expects that a verifier refuses a token with these claims. */
async function expectRefused(issuer: Issuer, claims: Record<string, unknown>, refusal: object, more = {}) {
  const token = await issuer.token("first", claims);
  await expect(verifierOf(issuer, more)(token)).rejects.toMatchObject(refusal);
}

/** Postern itself, as reached through a service binding. */
const postern = { fetch: (address: string, init: RequestInit) => theWorker(new Request(address, init)) };
const ourselves = { issuer: ORIGIN, audience: ORIGIN, fetcher: postern };

describe("createVerifier", () => {
  it("verifies a token of this service over a binding, and gives its claims", async () => {
    const person = await loggedIn();
    const claims = await createVerifier(ourselves)(person.accessToken);
    expect(claims).toEqual({
      iss: ORIGIN,
      aud: ORIGIN,
      sub: person.userId,
      sid: person.sessionId,
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: claims.iat + 1_800,
      client_id: "postern",
      role: "user",
      email_verified: true,
      amr: ["pwd"],
      acr: "aal1",
      auth_time: expect.any(Number),
    });
  });

  it("accepts a token of a release that did not state how and when its user logged in", async () => {
    const issuer = await startIssuer();
    expect(await verifierOf(issuer)(await issuer.token("first"))).not.toHaveProperty("acr");
  });

  it("asks the issuer over the network where it has no binding", async () => {
    const issuer = await startIssuer();
    const asked = vi.spyOn(globalThis, "fetch").mockImplementation(async () => issuer.answers());
    await verifierOf(issuer, { fetcher: undefined })(await issuer.token("first"));
    expect(asked.mock.calls.map(([address]) => address)).toEqual([`${issuer.url}/.well-known/jwks.json`]);
    asked.mockRestore();
  });

  it("fetches nothing where the keys are passed in", async () => {
    const issuer = await startIssuer();
    const jwks = await (await issuer.answers()).json<{ keys: [] }>();
    const verify = verifierOf(issuer, { jwks });
    for (let times = 0; times < 2; times++) await verify(await issuer.token("first"));
    await issuer.publish("second");
    await expect(verify(await issuer.token("second"))).rejects.toMatchObject({ code: "unknown_key" });
    expect(issuer.asked).toBe(0);
    await expect(verifierOf(issuer, { jwks: { keys: [] } })(await issuer.token("first"))).rejects.toThrow(
      "`jwks` without a key",
    );
  });

  it("takes EdDSA keys as well, by the name that RFC 9864 gives their algorithm", async () => {
    const issuer = await startIssuer();
    const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
    const kid = "ed".padEnd(43, "-");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "Ed25519" }] };
    const [, payload = ""] = (await issuer.token("first")).split(".");
    const token = await new SignJWT(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))))
      .setProtectedHeader({ alg: "Ed25519", typ: "at+jwt", kid })
      .sign(privateKey);
    expect(await verifierOf(issuer, { jwks })(token)).toMatchObject({ iss: issuer.url });
  });

  it.each([
    ["expired_token", { exp: -6 }],
    ["expired_token", { iat: -24 * 3_600 - 6, exp: 60 }],
    ["invalid_claims", { iat: 60 }],
    ["invalid_claims", { nbf: 60 }],
  ])("answers %s for times of %o, counted from now", async (code, times) => {
    const issuer = await startIssuer();
    const now = Math.floor(issuer.time / 1000);
    const claims = Object.fromEntries(Object.entries(times).map(([name, seconds]) => [name, now + seconds]));
    await expectRefused(issuer, claims, { code });
  });

  it("forgives what clocks differ by, as far as it is told to", async () => {
    const issuer = await startIssuer();
    const now = Math.floor(issuer.time / 1000);
    const token = await issuer.token("first", { exp: now - 4 });
    await verifierOf(issuer)(token);
    await expect(verifierOf(issuer, { clockTolerance: 0 })(token)).rejects.toMatchObject({ code: "expired_token" });
  });

  it.each([
    ["wrong_issuer", { iss: "https://evil.example" }],
    ["wrong_audience", { aud: "https://other.example" }],
    ["wrong_audience", { aud: ["https://other.example"] }],
    ["invalid_claims", { sub: "somebody" }],
    ["invalid_claims", { sid: undefined }],
    ["invalid_claims", { jti: 1 }],
    ["invalid_claims", { role: "root" }],
    ["invalid_claims", { role: undefined }],
    ["invalid_claims", { email_verified: "yes" }],
    ["invalid_claims", { client_id: undefined }],
    ["invalid_claims", { amr: "pwd" }],
    ["invalid_claims", { amr: [1] }],
    ["invalid_claims", { acr: 2 }],
    ["invalid_claims", { auth_time: "today" }],
    ["invalid_claims", { exp: "soon" }],
  ])("answers %s for %o", async (code, claims) => {
    await expectRefused(await startIssuer(), claims, { code });
  });

  it("takes a list of audiences that holds the one", async () => {
    const issuer = await startIssuer();
    const aud = ["https://other.example", issuer.url];
    expect(await verifierOf(issuer)(await issuer.token("first", { aud }))).toMatchObject({ aud });
  });

  it("answers invalid_signature for another signature, and malformed_token for what is no token", async () => {
    const issuer = await startIssuer();
    const [header, payload] = (await issuer.token("first")).split(".");
    const signature = (await issuer.token("first")).split(".")[2];
    const verify = verifierOf(issuer);
    await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject({ code: "invalid_signature" });
    for (const text of ["", "a.b", "a.b.c", `${header}.${payload}.${signature}=`, "x".repeat(5_000)]) {
      await expect(verify(text), text.slice(0, 40)).rejects.toMatchObject({ code: "malformed_token" });
    }
    // Untyped code may pass any value.
    const untyped: (token: unknown) => Promise<unknown> = (token) => Reflect.apply(verify, undefined, [token]);
    for (const value of [undefined, null, 1, {}]) {
      await expect(untyped(value)).rejects.toMatchObject({ code: "malformed_token" });
    }
  });

  it("throws errors that say what to do, hold nothing of the token, and keep nothing for a log", async () => {
    const issuer = await startIssuer();
    const token = await issuer.token("first", { iss: "https://evil.example" });
    const error = await verifierOf(issuer)(token).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VerificationError);
    expect(error).toMatchObject({ name: "VerificationError", isTemporary: false });
    expect(error).not.toHaveProperty("cause");
    expect(String(error)).toContain("PUBLIC_URL");
    expect(String(error)).not.toContain("evil.example");
  });

  it.each([
    ["needs `issuer`", { issuer: "" }],
    ["`issuer` as tokens name it", { issuer: "https://auth.example/" }],
    ["`issuer` as tokens name it", { issuer: "https://auth.example/auth" }],
    ["`issuer` as tokens name it", { issuer: "auth.example" }],
    ["needs `audience`", { audience: "" }],
    // The record in KV drops a session a minute after its last token has expired, so the tolerance can't be longer.
    ["0 to 60 seconds", { clockTolerance: 61 }],
    ["0 to 60 seconds", { clockTolerance: -1 }],
    ["0 to 60 seconds", { clockTolerance: Number.NaN }],
    // A binding that is missing in wrangler.toml is `undefined`.
    ["no namespace for `revocations`", { revocations: undefined }],
    ["no service for `strict`", { strict: undefined }],
  ])("says that it %s where it is given %o", (message, wrong) => {
    // Options that only untyped code can pass.
    const options = Object.assign({ issuer: "https://auth.example", audience: "https://auth.example" }, wrong);
    expect(() => Reflect.apply(createVerifier, undefined, [options])).toThrow(message);
  });
});

describe("createVerifier with the revocations in KV", () => {
  const namespace = (text: string | null) => ({ get: async () => text });

  it.each([
    ["a logout", ({ accessToken }: LoggedIn) => post("/api/v1/auth/logout", {}, { bearer: accessToken })],
    ["a suspension", (person: LoggedIn) => change("PATCH", person, { is_active: false })],
    ["another role", (person: LoggedIn) => change("PATCH", person, { role: "moderator" })],
    ["a deletion", (person: LoggedIn) => change("DELETE", person)],
  ])("refuses by what Postern has written there after %s", async (_, happens) => {
    const person = await loggedIn();
    const verify = createVerifier({ ...ourselves, revocations: env.REVOCATIONS });
    await verify(person.accessToken);
    expect((await happens(person)).status).toBeLessThan(300);
    await eventually(() =>
      expect(verify(person.accessToken)).rejects.toMatchObject({ code: "revoked_token", isTemporary: false }),
    );
  });

  /** An operator's action on an account. */
  async function change(method: "PATCH" | "DELETE", { userId }: LoggedIn, body?: object) {
    const { accessToken } = await withStanding("admin");
    return call(method, `/api/v1/users/${userId}`, { body, bearer: accessToken });
  }

  it("reads one record, and only for a token that is good by itself", async () => {
    const issuer = await startIssuer();
    const read: string[] = [];
    const revocations = {
      async get(key: string) {
        read.push(key);
        return null;
      },
    };
    const verify = verifierOf(issuer, { revocations });
    const { sub } = await verify(await issuer.token("first"));
    await expect(verify(await issuer.token("first", { iss: "https://evil.example" }))).rejects.toThrow();
    expect(read).toEqual([`revoked:${sub}`]);
  });

  it.each([
    ["its session", (sid: string) => ({ sessions: { [sid]: 1_800_000_000 } })],
    ["another role", () => ({ sessions: {}, role: "moderator" })],
  ])("refuses a token where the record names %s", async (_, record) => {
    const sid = crypto.randomUUID();
    const revocations = namespace(JSON.stringify(record(sid)));
    const refusal = { code: "revoked_token", isTemporary: false };
    await expectRefused(await startIssuer(), { sid }, refusal, { revocations });
  });

  it("accepts one whose record names other sessions and the same role", async () => {
    const issuer = await startIssuer();
    const record = { sessions: { [crypto.randomUUID()]: 1_800_000_000 }, role: "user" };
    await verifierOf(issuer, { revocations: namespace(JSON.stringify(record)) })(await issuer.token("first"));
  });

  it.each([
    ["does not answer", { get: () => Promise.reject(new Error("KV GET failed")) }],
    ["holds no JSON", namespace("{")],
    ["holds something else", namespace("{}")],
    ["holds null", namespace("null")],
    ["holds a role that is none", namespace('{"sessions":{},"role":1}')],
  ])("fails closed where KV %s", async (_, revocations) => {
    const refusal = { code: "revocations_unavailable", isTemporary: true };
    await expectRefused(await startIssuer(), {}, refusal, { revocations });
  });
});

describe("createVerifier with the strict answer", () => {
  it("refuses a token as soon as its session is logged out, without reading KV", async () => {
    const person = await loggedIn();
    const stale = { get: () => Promise.reject(new Error("KV is not read")) };
    const verify = createVerifier({ ...ourselves, revocations: stale, strict: exports.AuthService });
    expect(await verify(person.accessToken)).toMatchObject({ sub: person.userId });
    await post("/api/v1/auth/logout", {}, { bearer: person.accessToken });
    await expect(verify(person.accessToken)).rejects.toMatchObject({ code: "revoked_token", isTemporary: false });
  });

  it("asks for a token that is good by itself alone", async () => {
    const issuer = await startIssuer();
    const asked: string[] = [];
    const strict = {
      async verify(token: string) {
        asked.push(token);
        return null;
      },
    };
    const verify = verifierOf(issuer, { strict });
    await expectRefused(issuer, { iss: "https://evil.example" }, { code: "wrong_issuer" }, { strict });
    expect(asked).toEqual([]);
    const token = await issuer.token("first");
    await expect(verify(token)).rejects.toMatchObject({ code: "revoked_token" });
    expect(asked).toEqual([token]);
  });

  it.each([
    ["does not answer", { verify: () => Promise.reject(new Error("Worker threw exception")) }],
    ["never answers", { verify: () => new Promise(() => {}) }],
    ["is a binding to something else", {}],
  ])("fails closed where Postern %s", async (_, strict) => {
    const refusal = { code: "strict_answer_unavailable", isTemporary: true };
    await expectRefused(await startIssuer(), {}, refusal, { strict });
  });
});
