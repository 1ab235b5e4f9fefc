import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { call, expectProblem, get } from "../support/client.ts";
import { type LoggedIn, loggedIn } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const ME = "/api/v1/users/me";

describe("GET /api/v1/users/me", () => {
  it("answers with the user, every field that the API promises and no other", async () => {
    const { accessToken, userId, email, username } = await loggedIn();
    const answer = await get(ME, { bearer: accessToken });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ id: userId, email, username, role: "user", is_active: true });
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  it("does not mind a trailing slash, or how Bearer is spelt", async () => {
    const { accessToken } = await loggedIn();
    expect((await get(`${ME}/`, { bearer: accessToken })).status).toBe(200);
    expect((await get(ME, { headers: { Authorization: `bearer ${accessToken}` } })).status).toBe(200);
  });

  it("challenges without an error where no token was sent, and with invalid_token where one was [JW-8]", async () => {
    const none = await get(ME);
    expectProblem(none, 401, "unauthorized");
    expect(none.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern"');
    const bad = await get(ME, { bearer: "nonsense" });
    expectProblem(bad, 401, "invalid_access_token");
    expect(bad.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
  });

  it("takes the token from the Authorization header alone [JW-9]", async () => {
    const { accessToken } = await loggedIn();
    expectProblem(await get(`${ME}?access_token=${accessToken}`), 401, "unauthorized");
    expectProblem(await get(ME, { headers: { Authorization: `Basic ${accessToken}` } }), 401, "unauthorized");
    expectProblem(await get(ME, { headers: { Cookie: `access_token=${accessToken}` } }), 401, "unauthorized");
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const inForm = await call("POST", "/api/v1/auth/logout", { body: `access_token=${accessToken}`, headers });
    expectProblem(inForm, 415, "unsupported_media_type");
    const inBody = await call("POST", "/api/v1/auth/logout", { body: { access_token: accessToken } });
    expectProblem(inBody, 422, "validation_failed");
    expect((await get(ME, { bearer: accessToken })).status, "still logged in").toBe(200);
  });

  it("answers HEAD as it answers GET, without the body", async () => {
    const { accessToken } = await loggedIn();
    const answer = await call("HEAD", ME, { bearer: accessToken });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe("");
  });

  it("refuses a token once its user is disabled, and once its user is gone", async () => {
    const { accessToken, userId } = await loggedIn();
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE id = ?").bind(userId).run();
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(userId).run();
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
  });

  it("accepts a token until it expires, a small tolerance included, and not after", async () => {
    const { accessToken } = await loggedIn();
    const start = Date.now();
    vi.setSystemTime(start + 1_800_000 + 3_000);
    expect((await get(ME, { bearer: accessToken })).status).toBe(200);
    vi.setSystemTime(start + 1_800_000 + 7_000);
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
  });
});

describe("a crafted access token", () => {
  let victim: LoggedIn;
  let header: Record<string, string>;
  let claims: Record<string, unknown>;

  beforeAll(async () => {
    victim = await loggedIn();
    const [head = "", body = ""] = victim.accessToken.split(".");
    header = JSON.parse(atob(head));
    claims = JSON.parse(atob(body));
  });

  /** Signed with the service's own key, so that only the claims or the header are wrong. */
  async function signed(change: Record<string, unknown>, headerChange: Record<string, unknown> = {}): Promise<string> {
    const { signingKey } = await coldIsolate().keyring.signingKey();
    return new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: header.kid ?? "", ...headerChange })
      .sign(signingKey, { crit: { x: true } });
  }

  it("passes when nothing is wrong with it, which shows that the others fail for their own reason", async () => {
    expect((await get(ME, { bearer: await signed({}) })).status).toBe(200);
  });

  const now = Math.floor(Date.now() / 1000);
  it.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ["another issuer", { iss: "https://evil.example" }],
    ["another audience", { aud: "https://another-api.example" }],
    ["no audience", { aud: undefined }],
    ["an expiry that has passed", { exp: now - 60 }],
    ["no expiry", { exp: undefined }],
    ["a start that is ahead", { nbf: now + 600 }],
    ["no session", { sid: undefined }],
    ["a session that is no UUID", { sid: "1" }],
    ["a subject that is no UUID", { sub: "admin" }],
    ["a role that does not exist", { role: "root" }],
    ["another session", { sid: "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071" }],
    ["another user", { sub: "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071" }],
    ["the type of an ID token", {}, { typ: "JWT" }],
    ["no type", {}, { typ: undefined }],
    ["an unknown critical extension", {}, { crit: ["x"], x: 1 }],
    ["no key id", {}, { kid: undefined }],
    ["an unknown key id", {}, { kid: "A".repeat(43) }],
    ["a hostile key id", {}, { kid: "' OR 1=1 --" }],
    ["a key id of 10 kB", {}, { kid: "k".repeat(10_000) }],
    ["an object for a key id", {}, { kid: { toString: 1 } }],
    ["a list for a key id", {}, { kid: ["A".repeat(43)] }],
  ])("is refused with %s [JW-6]", async (_what, change, headerChange) => {
    expectProblem(await get(ME, { bearer: await signed(change, headerChange) }), 401, "invalid_access_token");
  });

  it("is refused when unsigned, signed with the public key as a secret, or with a key that it brings along [JW-4, JW-5]", async () => {
    const { json } = await get("/.well-known/jwks.json");
    const publicKey = json.keys.find(({ kid }: { kid: string }) => kid === header.kid);
    const attacker = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(attacker.publicKey);
    const otherCurve = await generateKeyPair("ES384");
    const fetched = vi.spyOn(globalThis, "fetch");
    const protectedHeader = { alg: "ES256", typ: "at+jwt", kid: header.kid ?? "" };
    const tokens = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims)
        .setProtectedHeader({ ...protectedHeader, alg: "HS256" })
        .sign(new TextEncoder().encode(JSON.stringify(publicKey))),
      await new SignJWT(claims)
        .setProtectedHeader({ ...protectedHeader, alg: "HS256" })
        .sign(new TextEncoder().encode(publicKey.x + publicKey.y)),
      await new SignJWT(claims)
        .setProtectedHeader({ ...protectedHeader, jwk, jku: "https://evil.example/jwks", x5u: "https://evil.example" })
        .sign(attacker.privateKey),
      await new SignJWT(claims).setProtectedHeader({ ...protectedHeader, alg: "ES384" }).sign(otherCurve.privateKey),
    ];
    for (const bearer of tokens) expectProblem(await get(ME, { bearer }), 401, "invalid_access_token");
    expect(fetched).not.toHaveBeenCalled();
  });

  it("is refused when tampered with, cut, doubled, re-encoded, or of another kind [JW-6, JW-7]", async () => {
    const [head = "", body = "", signature = ""] = victim.accessToken.split(".");
    const admin = btoa(JSON.stringify({ ...claims, role: "admin" }))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
    for (const bearer of [
      `${head}.${admin}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      `${head}.${body}.${signature.slice(0, -4)}`,
      `${head}.${body}.${signature}=`,
      `${head}.${body}.${signature}.${signature}.${signature}`,
      victim.accessToken.repeat(20),
      victim.refreshToken,
      "a".repeat(100_000),
    ]) {
      expectProblem(await get(ME, { bearer }), 401, "invalid_access_token");
    }
    const refreshed = await call("POST", "/api/v1/auth/refresh", { body: { refresh_token: victim.accessToken } });
    expectProblem(refreshed, 401, "invalid_refresh_token");
  });
});
