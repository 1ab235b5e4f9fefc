/** Access tokens and their verification (docs/conformance.md, E). */
import { decodeJwt, decodeProtectedHeader, EncryptJWT, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { encodeBase64url, utf8 } from "../../src/platform/encoding.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { type LoggedIn, loggedIn, logIn, mailedToken, registered, somebody, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const ME = "/api/v1/users/me";
const me = (bearer: string) => get(ME, { bearer });

let person: LoggedIn;
let header: { kid: string; alg: string; typ: string };
let claims: Record<string, unknown>;

beforeAll(async () => {
  person = await loggedIn();
  const { kid = "", alg = "", typ = "" } = decodeProtectedHeader(person.accessToken);
  header = { kid, alg, typ };
  claims = decodeJwt(person.accessToken);
});

/** Signed with the service's own key: only what is changed is wrong with it. */
async function crafted(change: Record<string, unknown>, headerChange: Record<string, unknown> = {}): Promise<string> {
  const { signingKey } = await coldIsolate().keyring.signingKey();
  return new SignJWT({ ...claims, ...change }).setProtectedHeader({ ...header, ...headerChange }).sign(signingKey);
}

const encoded = (value: unknown) => encodeBase64url(utf8(JSON.stringify(value)));

async function publishedKey(): Promise<Record<string, string>> {
  const { json } = await get("/.well-known/jwks.json");
  return json.keys.find(({ kid }: { kid: string }) => kid === header.kid);
}

describe("access tokens", () => {
  it("JW-1: name their type, an algorithm of ours that is asymmetric, and a key that is published", async () => {
    expect(header.typ).toBe("at+jwt");
    expect(["ES256", "Ed25519"]).toContain(header.alg);
    expect(await publishedKey()).toMatchObject({ kid: header.kid, alg: header.alg });
  });

  it("JW-2: hold every claim that RFC 9068 requires, and live for as long as is configured", async () => {
    expect(claims).toMatchObject({
      iss: "http://localhost:8787",
      aud: "http://localhost:8787",
      sub: person.userId,
      client_id: "postern",
      sid: person.sessionId,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      role: "user",
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(1800);
    const short = appWith({ ACCESS_TOKEN_EXPIRE_MINUTES: "7", JWT_CLIENT_ID: "shop" });
    const { json } = await post("/api/v1/auth/login", { email: person.email, password: person.password }, {}, short);
    const { iat = 0, exp = 0, client_id } = decodeJwt(json.access_token);
    expect({ lifetime: exp - iat, told: json.expires_in, client_id }).toEqual({
      lifetime: 420,
      told: 420,
      client_id: "shop",
    });
  });

  it("JW-3: say nothing personal, and name a user by an id that nobody gets again", async () => {
    const fields = { first_name: "Augusta", last_name: "Lovelace", phone: "+441234567890" };
    await call("PUT", ME, { bearer: person.accessToken, body: fields });
    const { accessToken } = await logIn(person);
    const text = JSON.stringify(decodeJwt(accessToken));
    for (const personal of [person.email, person.username, ...Object.values(fields)]) {
      expect(text).not.toContain(personal);
    }

    const leaver = await loggedIn();
    const body = { password: leaver.password };
    expect((await call("DELETE", ME, { bearer: leaver.accessToken, body })).status).toBe(204);
    const again = { ...somebody(), email: leaver.email };
    await post("/api/v1/auth/register", again);
    const token = await mailedToken(leaver.email, 3);
    expect((await post("/api/v1/auth/verify-email", { token })).status).toBe(200);
    expect(decodeJwt((await logIn(again)).accessToken).sub).not.toBe(leaver.userId);
  });

  it("JW-4: are refused unsigned, signed with the public key as a secret, or under another algorithm than the key's", async () => {
    expect((await me(await crafted({}))).status, "the rest fails for its own reason").toBe(200);
    const publicKey = await publishedKey();
    const hs256 = (secret: string) =>
      new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(secret));
    const other = await generateKeyPair("Ed25519");
    const [, body, signature] = person.accessToken.split(".");
    for (const token of [
      new UnsecuredJWT(claims).encode(),
      `${encoded({ ...header, alg: "none" })}.${body}.`,
      await hs256(JSON.stringify(publicKey)),
      await hs256(`${publicKey.x}${publicKey.y}`),
      await new SignJWT(claims).setProtectedHeader({ ...header, alg: "Ed25519" }).sign(other.privateKey),
      `${encoded({ ...header, alg: "ES384" })}.${body}.${signature}`,
    ]) {
      expectProblem(await me(token), 401, "invalid_access_token");
    }
  });

  it("JW-5: are not verified with keys that they bring or point to, and a hostile key id does no harm", async () => {
    const attacker = await generateKeyPair("ES256", { extractable: true });
    const url = "https://evil.example/keys";
    const fetched = vi.spyOn(globalThis, "fetch");
    const brought = { jwk: await exportJWK(attacker.publicKey), jku: url, x5u: url, x5c: ["MIIB"] };
    for (const [name, value] of Object.entries(brought)) {
      for (const kid of [header.kid, "A".repeat(43), undefined]) {
        const protectedHeader = { alg: "ES256", typ: "at+jwt", [name]: value, ...(kid === undefined ? {} : { kid }) };
        const token = await new SignJWT(claims).setProtectedHeader(protectedHeader).sign(attacker.privateKey);
        expectProblem(await me(token), 401, "invalid_access_token");
      }
    }
    for (const kid of ["A".repeat(43), "k".repeat(10_000), "' OR 1=1 --", '"', "../../etc/passwd", "", 7, ["x"]]) {
      expectProblem(await me(await crafted({}, { kid })), 401, "invalid_access_token");
    }
    expect(fetched).not.toHaveBeenCalled();
  });

  const now = Math.floor(Date.now() / 1000);
  it.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "https://evil.example" }],
    ["another audience", { aud: "https://another.example" }],
    ["no audience", { aud: undefined }],
    ["an expiry that has passed", { exp: now - 60 }],
    ["no expiry", { exp: undefined }],
    ["a start that is ahead", { nbf: now + 600 }],
  ])("JW-6: are refused with %s", async (_what, change) => {
    expectProblem(await me(await crafted(change)), 401, "invalid_access_token");
  });

  it("JW-6: are refused when tampered with, cut, or encrypted", async () => {
    const [head = "", body = "", signature = ""] = person.accessToken.split(".");
    const encrypted = await new EncryptJWT(claims)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", typ: "at+jwt", kid: header.kid })
      .encrypt(crypto.getRandomValues(new Uint8Array(32)));
    expect(encrypted.split(".")).toHaveLength(5);
    const first = signature.startsWith("A") ? "B" : "A";
    for (const token of [
      `${head}.${encoded({ ...claims, role: "admin" })}.${signature}`,
      `${head}.${body}.${first}${signature.slice(1)}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      encrypted,
    ]) {
      expectProblem(await me(token), 401, "invalid_access_token");
    }
  });

  it("JW-7: can't be stood in for by another kind of token of ours", async () => {
    const waiting = somebody();
    await post("/api/v1/auth/register", waiting);
    for (const token of [person.refreshToken, await mailedToken(waiting.email), await crafted({}, { typ: "JWT" })]) {
      expectProblem(await me(token), 401, "invalid_access_token");
    }
    const refresh = await post("/api/v1/auth/refresh", { refresh_token: person.accessToken });
    expectProblem(refresh, 401, "invalid_refresh_token");
  });

  it("JW-8: are asked for, refused as invalid, or refused as insufficient, by the challenge", async () => {
    const challenge = async (path: string, bearer?: string) =>
      (await get(path, { bearer })).headers.get("WWW-Authenticate");
    expect(await challenge(ME)).toBe('Bearer realm="postern"');
    expect(await challenge(ME, "nonsense")).toBe('Bearer realm="postern", error="invalid_token"');
    const answer = await get("/api/v1/users/", { bearer: person.accessToken });
    expectProblem(answer, 403, "forbidden");
    expect(answer.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="insufficient_scope"');
    const admin = await withStanding("admin");
    const superuser = await withStanding("superuser");
    const onOne = await call("DELETE", `/api/v1/users/${superuser.userId}`, { bearer: admin.accessToken });
    expect(onOne.headers.get("WWW-Authenticate")).toContain('error="insufficient_scope"');
  });

  it("JW-9: are taken from the Authorization header alone", async () => {
    const token = person.accessToken;
    expectProblem(await get(`${ME}?access_token=${token}`), 401, "unauthorized");
    expectProblem(await get(ME, { headers: { Cookie: `access_token=${token}` } }), 401, "unauthorized");
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    const inForm = await call("POST", "/api/v1/auth/logout", { body: `access_token=${token}`, headers: form });
    expectProblem(inForm, 415, "unsupported_media_type");
    const inBody = await call("POST", "/api/v1/auth/logout", { body: { access_token: token } });
    expectProblem(inBody, 422, "validation_failed");
    expect((await me(token)).status, "and nothing happened").toBe(200);
  });

  it("JW-10: are stored by no cache", async () => {
    const { answer, refreshToken } = await logIn(await registered());
    const refreshed = await post("/api/v1/auth/refresh", { refresh_token: refreshToken });
    for (const { status, headers } of [answer, refreshed]) {
      expect({ status, cache: headers.get("Cache-Control") }).toEqual({ status: 200, cache: "no-store" });
    }
  });
});
