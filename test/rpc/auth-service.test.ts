import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { findUser, verifyToken } from "../../src/features/rpc/methods.ts";
import { runCall } from "../../src/features/rpc/run-call.ts";
import { createServices } from "../../src/services.ts";
import { readMe } from "../support/account.ts";
import { call, get, ORIGIN, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { loggedIn, logIn, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const auth = exports.AuthService;

describe("AuthService over RPC", () => {
  it("verifies a token that is good at this moment, and gives the claims that a verifier gives", async () => {
    const person = await loggedIn();
    const claims = await auth.verify(person.accessToken);
    expect(claims).toEqual({
      iss: ORIGIN,
      aud: ORIGIN,
      sub: person.userId,
      sid: person.sessionId,
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: expect.any(Number),
      client_id: "postern",
      role: "user",
      email_verified: true,
      amr: ["pwd"],
      acr: "aal1",
      auth_time: expect.any(Number),
    });
  });

  it("answers null from the moment of a logout, a suspension or another role on", async () => {
    const admin = await withStanding("admin");
    const out = await loggedIn();
    await post("/api/v1/auth/logout", {}, { bearer: out.accessToken });
    expect(await auth.verify(out.accessToken)).toBeNull();

    const suspended = await loggedIn();
    const change = (id: string, body: object) =>
      call("PATCH", `/api/v1/users/${id}`, { body, bearer: admin.accessToken });
    await change(suspended.userId, { is_active: false });
    expect(await auth.verify(suspended.accessToken)).toBeNull();

    const promoted = await loggedIn();
    await change(promoted.userId, { role: "moderator" });
    expect(await auth.verify(promoted.accessToken)).toBeNull();
    const { accessToken } = await logIn(promoted);
    expect(await auth.verify(accessToken)).toMatchObject({ role: "moderator" });
  });

  it("answers null for values of any type that are no token of ours", async () => {
    const untyped: (token: unknown) => Promise<unknown> = (token) => Reflect.apply(auth.verify, auth, [token]);
    for (const value of ["", "nonsense", "a.b.c", undefined, null, 1, {}, ["x"]])
      expect(await untyped(value)).toBeNull();
  });

  it("takes one storage round trip to verify, and one for a user", async () => {
    const person = await loggedIn();
    const services = coldIsolate();
    await services.keyring.warm();
    const before = services.hops.sequential;
    expect(await verifyToken(services, person.accessToken)).not.toBeNull();
    expect(services.hops.sequential - before).toBe(1);
    expect(await findUser(services, person.userId)).not.toBeNull();
    expect(services.hops.sequential - before).toBe(2);
  });

  it("shows a user as the API does, and null for an unknown id", async () => {
    const person = await loggedIn();
    const { json } = await readMe(person.accessToken);
    expect(await auth.user(person.userId)).toEqual(json);
    expect(await auth.user(crypto.randomUUID())).toBeNull();
    const untyped: (id: unknown) => Promise<unknown> = (id) => Reflect.apply(auth.user, auth, [id]);
    for (const value of ["", "x' OR 1=1", undefined, {}]) expect(await untyped(value)).toBeNull();
  });

  it("gives the keys that the well-known document gives", async () => {
    const { json } = await get("/.well-known/jwks.json");
    expect(await auth.jwks()).toEqual(json);
  });

  it("answers over HTTP as well, so that one binding does for a verifier and for RPC", async () => {
    const response = await auth.fetch(`${ORIGIN}/.well-known/jwks.json`);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual(await auth.jwks());
  });

  it("logs a call by its method alone, and tells a caller of a failure nothing but that it is one", async () => {
    const person = await loggedIn();
    const logs = recordLogs();
    await auth.verify(person.accessToken);
    expect(logs()).toContainEqual(
      expect.objectContaining({ event: "rpc", method: "verify", hops: 1, duration_ms: expect.any(Number) }),
    );

    // A binding without objects, as after a failed deployment.
    const USER_SESSIONS = { ...env.USER_SESSIONS, getByName: undefined };
    const bindings = Object.assign({ ...env }, { USER_SESSIONS });
    const failure = runCall("verify", createServices(bindings, parseConfig(env)), (services) =>
      verifyToken(services, person.accessToken),
    );
    await expect(failure).rejects.toThrow(/^unavailable$/);
    expect(logs()).toContainEqual(expect.objectContaining({ level: "error", event: "failure", method: "verify" }));
  });
});
