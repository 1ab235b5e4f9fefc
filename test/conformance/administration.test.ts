/** Roles and administration (docs/conformance.md, I). */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { STANDINGS, type Standing } from "../../src/access/permissions.ts";
import { call, expectProblem, get, post } from "../support/client.ts";
import { document, operations } from "../support/openapi.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, mailsTo, somebody, withStanding } from "../support/people.ts";
import { mailAbout } from "./mails.ts";
import { exampleOf } from "./routes.ts";

const USERS = "/api/v1/users";
const one = (id: string) => `${USERS}/${id}`;
const patch = (actor: LoggedIn, id: string, body: object) =>
  call("PATCH", one(id), { bearer: actor.accessToken, body });

/** What anybody may ask for without a token. Everything else is closed. */
const PUBLIC = [
  "acceptInvitation",
  "confirmEmail",
  "forgotPassword",
  "judgePassword",
  "login",
  "readAcceptInvitationPage",
  "readAccountPage",
  "readConfirmEmailPage",
  "readHealth",
  "readJwks",
  "readLoginPage",
  "readMetadata",
  "readOpenApi",
  "readOutbox",
  "readReference",
  "readRegisterPage",
  "readResetPasswordPage",
  "readService",
  "readUndoEmailChangePage",
  "readVerifyEmailPage",
  "register",
  "resendVerification",
  "resetPassword",
  "undoEmailChange",
  "verifyEmail",
];

/** The lowest standing that may do it to a user. */
const LOWEST: [string, string, Standing, object?][] = [
  ["GET", `${USERS}/`, "moderator"],
  ["GET", `${USERS}/{id}`, "moderator"],
  ["PATCH", `${USERS}/{id}`, "moderator", { is_active: true }],
  ["PATCH", `${USERS}/{id}`, "admin", { first_name: "Grace" }],
  ["PATCH", `${USERS}/{id}`, "admin", { is_verified: true }],
  ["PATCH", `${USERS}/{id}`, "admin", { role: "user" }],
  ["PATCH", `${USERS}/{id}`, "admin", { role: "moderator" }],
  ["PATCH", `${USERS}/{id}`, "superuser", { role: "admin" }],
  ["PATCH", `${USERS}/{id}`, "superuser", { is_superuser: false }],
  ["POST", `${USERS}/{id}/revoke-sessions`, "admin"],
  ["POST", `${USERS}/{id}/send-password-reset`, "admin"],
  ["POST", "/api/v1/invitations", "admin", { email: "somebody@example.org" }],
  ["GET", "/api/v1/audit-events", "admin"],
  ["DELETE", `${USERS}/{id}`, "admin"],
];

const people = new Map<Standing, LoggedIn>();
const somebodyOf = (standing: Standing): LoggedIn => {
  const found = people.get(standing);
  if (found === undefined) throw new Error(standing);
  return found;
};

beforeAll(async () => {
  for (const standing of STANDINGS) people.set(standing, await withStanding(standing));
});

/** The id of a verified user whom nobody knows, as an import leaves one. */
async function fresh(): Promise<string> {
  const { email, username } = somebody();
  const id = crypto.randomUUID();
  await env.DB.prepare(
    "INSERT INTO users (id, email, username, password_hash, is_active, is_verified, role, created_at, updated_at) VALUES (?, ?, ?, '!', 1, 1, 'user', 1, 1)",
  )
    .bind(id, email, username)
    .run();
  return id;
}

describe("administration", () => {
  it("AC-1: is closed, like every route that is not declared public, to who shows no token", async () => {
    const closed = operations.filter(({ id }) => !PUBLIC.includes(id));
    expect(closed.length).toBeGreaterThan(15);
    for (const operation of closed) {
      const { method, path, body } = exampleOf(operation);
      const answer = await call(method, path, { body });
      expect({ id: operation.id, status: answer.status }).toEqual({ id: operation.id, status: 401 });
    }
    const open = operations.filter(({ credentials = [] }) => credentials.length === 0).map(({ id }) => id);
    expect(open.toSorted()).toEqual(PUBLIC);
  });

  it("AC-2: holds to the table of roles and routes", async () => {
    const covered = new Set(LOWEST.map(([method, path]) => `${method} ${path}`));
    const listed = operations.filter(({ tag }) => tag === "Administration");
    expect(covered).toEqual(new Set(listed.map(({ method, path }) => `${method.toUpperCase()} ${path}`)));
    for (const [method, path, lowest, body] of LOWEST) {
      for (const standing of STANDINGS) {
        const { accessToken: bearer } = somebodyOf(standing);
        const answer = await call(method, path.replace("{id}", await fresh()), { bearer, body });
        const may = STANDINGS.indexOf(standing) >= STANDINGS.indexOf(lowest);
        const where = `${method} ${path} ${JSON.stringify(body)} by a ${standing}`;
        expect({ where, may: answer.status < 300, status: may ? 0 : answer.status }).toEqual({
          where,
          may,
          status: may ? 0 : 403,
        });
      }
    }
  });

  it("AC-3: gives no access to somebody else's things, nor to fields of one's own that are not one's to set", async () => {
    const [attacker, victim] = [await loggedIn(), await loggedIn()];
    const bearer = attacker.accessToken;
    const session = `${USERS}/me/sessions/${victim.sessionId}`;
    expectProblem(await call("DELETE", session, { bearer }), 404, "not_found");
    // Alike for somebody and nobody, so that it tells nothing of either.
    for (const id of [victim.userId, crypto.randomUUID()]) {
      expectProblem(await get(one(id), { bearer }), 403, "forbidden");
      expectProblem(await patch(attacker, id, { first_name: "Eve" }), 403, "forbidden");
      expectProblem(await call("DELETE", one(id), { bearer }), 403, "forbidden");
    }
    const gifts = { role: "admin", is_superuser: true, is_active: true, is_verified: true, email: "a@example.com" };
    for (const [field, value] of Object.entries(gifts)) {
      const answer = await call("PUT", `${USERS}/me`, { bearer, body: { [field]: value } });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.json.errors).toMatchObject([{ field, code: "unknown_field" }]);
    }
    expect((await get(`${USERS}/me`, { bearer: victim.accessToken })).json.first_name).toBeNull();
  });

  it("AC-4: asks what an operator is now, not what the token says", async () => {
    const superuser = somebodyOf("superuser");
    const admin = await withStanding("admin");
    expect((await get(`${USERS}/`, { bearer: admin.accessToken })).status).toBe(200);
    expect((await patch(superuser, admin.userId, { role: "user" })).status).toBe(200);
    expectProblem(await get(`${USERS}/`, { bearer: admin.accessToken }), 401, "invalid_access_token");
    const { json } = await post("/api/v1/auth/refresh", { refresh_token: admin.refreshToken });
    expectProblem(await get(`${USERS}/`, { bearer: json.access_token }), 403, "forbidden");
  });

  it("AC-5: lets nobody grant more than they have, and always leaves a superuser", async () => {
    const [moderator, admin, superuser] = [somebodyOf("moderator"), somebodyOf("admin"), somebodyOf("superuser")];
    const id = await fresh();
    expectProblem(await patch(moderator, id, { role: "moderator" }), 403, "forbidden");
    expectProblem(await patch(admin, id, { role: "admin" }), 403, "forbidden");
    expectProblem(await patch(admin, admin.userId, { is_superuser: true }), 403, "forbidden");
    expectProblem(await patch(admin, superuser.userId, { role: "user" }), 403, "forbidden");
    await env.DB.prepare("UPDATE users SET is_superuser = 0 WHERE id <> ?").bind(superuser.userId).run();
    for (const change of [{ is_superuser: false }, { is_active: false }, { is_verified: false }]) {
      expectProblem(await patch(superuser, superuser.userId, change), 409, "last_superuser");
    }
    const bearer = superuser.accessToken;
    expectProblem(await call("DELETE", one(superuser.userId), { bearer }), 409, "last_superuser");
    const body = { password: superuser.password };
    expectProblem(await call("DELETE", `${USERS}/me`, { bearer, body }), 409, "last_superuser");
  });

  it("AC-6: may mail a reset link and end sessions, and neither sets nor sees a password", async () => {
    const admin = somebodyOf("admin");
    const bearer = admin.accessToken;
    for (const { path, method } of operations.filter(({ tag }) => tag === "Administration")) {
      const { requestBody, responses } = document.paths[path][method];
      expect(JSON.stringify(requestBody ?? {})).not.toMatch(/password/i);
      const success = Object.entries(responses).filter(([status]) => status.startsWith("2"));
      expect(JSON.stringify(success)).not.toMatch(/password_hash|"password"/i);
    }
    const person = await loggedIn();
    expectProblem(await patch(admin, person.userId, { password: "a password of the admin" }), 422, "validation_failed");
    expect((await call("POST", `${one(person.userId)}/send-password-reset`, { bearer })).status).toBe(202);
    await mailAbout(person.email, /^Reset your Postern password/);
    expect((await call("POST", `${one(person.userId)}/revoke-sessions`, { bearer })).status).toBe(204);
    expectProblem(await get(`${USERS}/me`, { bearer: person.accessToken }), 401, "invalid_access_token");
    await logIn(person);
    expect((await mailsTo(person.email)).length).toBeGreaterThan(1);
  });

  it("AC-7: leaves every deed in a log that nobody can change: who, whom, what, and in which request", async () => {
    await env.DB.prepare("UPDATE users SET is_superuser = 1 WHERE id = ?").bind(somebodyOf("superuser").userId).run();
    const superuser = somebodyOf("superuser");
    const bearer = superuser.accessToken;
    const { userId } = await loggedIn();
    const act = (method: string, path: string, body?: object) => call(method, path, { bearer, body });
    const deeds: [string, object, Awaited<ReturnType<typeof act>>][] = [
      ["role_changed", { old: "user", new: "moderator" }, await act("PATCH", one(userId), { role: "moderator" })],
      ["superuser_granted", {}, await act("PATCH", one(userId), { is_superuser: true })],
      ["superuser_revoked", {}, await act("PATCH", one(userId), { is_superuser: false })],
      ["verification_changed", { new: false }, await act("PATCH", one(userId), { is_verified: false })],
      ["profile_changed", { fields: "firstName" }, await act("PATCH", one(userId), { first_name: "Grace" })],
      ["account_suspended", {}, await act("PATCH", one(userId), { is_active: false })],
      ["account_reinstated", {}, await act("PATCH", one(userId), { is_active: true })],
      ["sessions_ended", {}, await act("POST", `${one(userId)}/revoke-sessions`)],
      ["password_reset_sent", {}, await act("POST", `${one(userId)}/send-password-reset`)],
      ["account_deleted", {}, await act("DELETE", one(userId))],
    ];
    await eventsOf(userId, "account_deleted");
    await eventsOf(userId, "password_reset_sent");
    const { json } = await get(`/api/v1/audit-events?user_id=${userId}&limit=100`, { bearer });
    for (const [type, details, { headers }] of deeds) {
      expect(json.items).toContainEqual(
        expect.objectContaining({
          type,
          details,
          actor_id: superuser.userId,
          user_id: userId,
          request_id: headers.get("X-Request-Id"),
          occurred_at: expect.any(String),
        }),
      );
    }
    const [newest] = json.items;
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expectProblem(await act(method, "/api/v1/audit-events"), 405, "method_not_allowed");
      expectProblem(await act(method, `/api/v1/audit-events/${newest.id}`), 404, "not_found");
    }
  });
});
