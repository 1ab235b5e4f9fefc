import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { may, PERMISSIONS, type Permission, STANDINGS, type Standing } from "../../src/access/permissions.ts";
import { type Answer, call, expectProblem, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { undelivered } from "../support/emails.ts";
import { exampleOf } from "../support/examples.ts";
import { openInvitation } from "../support/invitations.ts";
import { document, operations } from "../support/openapi.ts";
import { type LoggedIn, newPerson, registered, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

interface Attempt {
  name: string;
  permission: Permission;
  /** Whether the request is about one user, so that this user's standing counts too. */
  hasTarget: boolean;
  run(actor: LoggedIn, targetId: string): Promise<Answer>;
}

const patch = (field: string, value: unknown, permission: Permission): Attempt => ({
  name: `PATCH /api/v1/users/{id} ${field}: ${value}`,
  permission,
  hasTarget: true,
  run: (actor, id) => call("PATCH", `/api/v1/users/${id}`, { bearer: actor.accessToken, body: { [field]: value } }),
});

const on = (method: string, path: string, permission: Permission, hasTarget = true): Attempt => ({
  name: `${method} ${path}`,
  permission,
  hasTarget,
  run: (actor, id) => call(method, path.replace("{id}", id), { bearer: actor.accessToken }),
});

const onLimit = (act: "look-up" | "reset"): Attempt => ({
  name: `POST /api/v1/limits/{name}/${act}`,
  permission: "reset_limits",
  hasTarget: false,
  run: (actor) =>
    call("POST", `/api/v1/limits/loginPerAddress/${act}`, { bearer: actor.accessToken, body: { key: "192.0.2.99" } }),
});

/** Every route that needs a permission, and every field that needs a separate permission. */
const ATTEMPTS: Attempt[] = [
  on("GET", "/api/v1/users/", "list_users", false),
  {
    name: "GET /api/v1/users/lookup",
    permission: "read_users",
    hasTarget: true,
    run: async (actor, id) => {
      const row = await env.DB.prepare("SELECT username FROM users WHERE id = ?")
        .bind(id)
        .first<{ username: string }>();
      const path = `/api/v1/users/lookup?username=${row?.username}`;
      return call("GET", path, { bearer: actor.accessToken });
    },
  },
  on("GET", "/api/v1/users/{id}", "read_users"),
  patch("first_name", "Grace", "edit_users"),
  patch("last_name", null, "edit_users"),
  patch("phone", "+441234567890", "edit_users"),
  patch("is_verified", true, "edit_users"),
  patch("is_active", false, "suspend_users"),
  patch("is_active", true, "suspend_users"),
  patch("role", "user", "grant_user"),
  patch("role", "moderator", "grant_moderator"),
  patch("role", "admin", "grant_admin"),
  patch("is_superuser", true, "grant_superuser"),
  patch("is_superuser", false, "grant_superuser"),
  on("GET", "/api/v1/users/{id}/sessions", "end_sessions"),
  {
    name: "DELETE /api/v1/users/{id}/sessions/{session_id}",
    permission: "end_sessions",
    hasTarget: true,
    run: async (actor, id) => {
      const sessionId = crypto.randomUUID();
      const origin = { deviceName: null, userAgent: null, ipAddress: null, device: "none" };
      await coldIsolate().sessions.create(id, sessionId, 0, origin, ["pwd"]);
      return call("DELETE", `/api/v1/users/${id}/sessions/${sessionId}`, { bearer: actor.accessToken });
    },
  },
  on("POST", "/api/v1/users/{id}/revoke-sessions", "end_sessions"),
  on("DELETE", "/api/v1/users/{id}/factors", "remove_factors"),
  on("POST", "/api/v1/users/{id}/send-password-reset", "send_password_resets"),
  on("DELETE", "/api/v1/users/{id}", "delete_users"),
  {
    name: "POST /api/v1/invitations",
    permission: "invite_users",
    hasTarget: false,
    run: (actor) =>
      call("POST", "/api/v1/invitations", { bearer: actor.accessToken, body: { email: newPerson().email } }),
  },
  on("GET", "/api/v1/invitations", "invite_users", false),
  ...(["POST /api/v1/invitations/{id}/resend", "DELETE /api/v1/invitations/{id}"] as const).map((name) => ({
    name,
    permission: "invite_users" as const,
    hasTarget: false,
    run: async ({ accessToken: bearer, userId }: LoggedIn) => {
      const [method = "", path = ""] = name.split(" ");
      return call(method, path.replace("{id}", await openInvitation(userId)), { bearer });
    },
  })),
  on("GET", "/api/v1/audit-events?limit=1", "read_audit_events", false),
  on("GET", "/api/v1/overview", "read_overview", false),
  on("GET", "/api/v1/keys", "read_keys", false),
  on("POST", "/api/v1/keys/rotate", "rotate_keys", false),
  on("GET", "/api/v1/limits", "read_configuration", false),
  onLimit("look-up"),
  onLimit("reset"),
  on("GET", "/api/v1/configuration", "read_configuration", false),
  on("GET", "/api/v1/emails/dead-letters", "read_dead_letters", false),
  {
    name: "POST /api/v1/emails/dead-letters/{id}/retry",
    permission: "retry_emails",
    hasTarget: false,
    run: async (actor) =>
      post(`/api/v1/emails/dead-letters/${await undelivered()}/retry`, undefined, { bearer: actor.accessToken }),
  },
  on("GET", "/api/v1/audit-events/export?format=csv&until=2026-01-01T00:00:00Z", "read_audit_events", false),
];

/** The table in docs/accounts.md, written a second time so that the test finds mistakes in the service's table. */
const EXPECTED: Record<Permission, Record<Standing, readonly Standing[]>> = {
  read_users: { user: [], moderator: STANDINGS, admin: STANDINGS, superuser: STANDINGS },
  list_users: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  suspend_users: { user: [], moderator: ["user"], admin: ["user", "moderator"], superuser: STANDINGS },
  edit_users: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  delete_users: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  end_sessions: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  remove_factors: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  send_password_resets: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  invite_users: { user: [], moderator: [], admin: ["user"], superuser: ["user"] },
  grant_user: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  grant_moderator: { user: [], moderator: [], admin: ["user", "moderator"], superuser: STANDINGS },
  grant_admin: { user: [], moderator: [], admin: [], superuser: STANDINGS },
  grant_superuser: { user: [], moderator: [], admin: [], superuser: STANDINGS },
  read_audit_events: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  read_overview: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  read_keys: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  rotate_keys: { user: [], moderator: [], admin: [], superuser: STANDINGS },
  read_configuration: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  read_dead_letters: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  retry_emails: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
  reset_limits: { user: [], moderator: [], admin: STANDINGS, superuser: STANDINGS },
};

/** The operations that need no access token and no refresh token. All others answer 401 without one. */
const PUBLIC = [
  "acceptInvitation",
  "clearOutbox",
  "confirmEmail",
  "confirmEmailLogin",
  "confirmEnrolledTotp",
  "emailSecondFactorCode",
  "enrolPasskey",
  "enrolTotp",
  "forgotPassword",
  "judgePassword",
  "leadToIcon",
  "leadToPasswordChange",
  "leadToPasswordReset",
  "logInWithPasskey",
  "login",
  "proveSecondFactor",
  "readAcceptInvitationPage",
  "readAccountPage",
  "readBrandPage",
  "readConfirmEmailPage",
  "readConsolePage",
  "readEmailLoginPage",
  "readEnrolmentPasskeyOptions",
  "readHealth",
  "readJwks",
  "readLoginPage",
  "readLoginPasskeyOptions",
  "readLogoutPage",
  "readMetadata",
  "readOpenApi",
  "readOutbox",
  "readReadiness",
  "readReference",
  "readRegisterPage",
  "readRelatedOrigins",
  "readResetPasswordPage",
  "readRobots",
  "readService",
  "readUndoEmailChangePage",
  "readVerifyEmailPage",
  "register",
  "requestEmailLogin",
  "resendVerification",
  "resetPassword",
  "undoEmailChange",
  "verifyEmail",
];

describe("the permission table", () => {
  const actors = new Map<Standing, LoggedIn>();

  beforeAll(async () => {
    for (const standing of STANDINGS) actors.set(standing, await withStanding(standing));
  });

  /** For each standing, a user whom no attempt has changed yet. The next attempt uses the same user. */
  const unharmed = new Map<Standing, string>();

  /** A user of this standing who has never logged in and whom no attempt has changed. */
  async function target(standing: Standing): Promise<string> {
    const known = unharmed.get(standing);
    if (known !== undefined) return known;
    const { email } = await registered();
    const role = standing === "superuser" ? "admin" : standing;
    const row = await env.DB.prepare("UPDATE users SET role = ?, is_superuser = ? WHERE email = ? RETURNING id")
      .bind(role, standing === "superuser" ? 1 : 0, email)
      .first<{ id: string }>();
    const id = row?.id ?? "";
    unharmed.set(standing, id);
    return id;
  }

  it("says what it should [AC-2, AC-5]", () => {
    for (const permission of Object.keys(PERMISSIONS) as Permission[]) {
      for (const actor of STANDINGS) {
        for (const other of STANDINGS) {
          const rank = (standing: Standing) => ({
            role: standing === "superuser" ? ("admin" as const) : standing,
            isSuperuser: standing === "superuser",
          });
          const expected = EXPECTED[permission][actor].includes(other);
          expect(may(rank(actor), permission, rank(other)), `${actor} ${permission} ${other}`).toBe(expected);
        }
      }
    }
  });

  it("is asked by every route that has a permission [AC-2]", () => {
    expect(new Set(ATTEMPTS.map(({ permission }) => permission))).toEqual(new Set(Object.keys(PERMISSIONS)));
    const tried = new Set(ATTEMPTS.map(({ name }) => name.split(/[ ?]/).slice(0, 2).join(" ")));
    const listed = operations.filter(({ tag }) => tag === "Administration");
    expect(tried).toEqual(new Set(listed.map(({ method, path }) => `${method.toUpperCase()} ${path}`)));
  });

  it("leaves every route that is not declared public closed to a request without a token [AC-1]", async () => {
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

  it("gives an ordinary user the same answer about a user who exists and one who doesn't [AC-3]", async () => {
    const bearer = actors.get("user")?.accessToken;
    for (const id of [await target("user"), crypto.randomUUID()]) {
      const path = `/api/v1/users/${id}`;
      expectProblem(await call("GET", path, { bearer }), 403, "forbidden");
      expectProblem(await call("PATCH", path, { bearer, body: { first_name: "Eve" } }), 403, "forbidden");
      expectProblem(await call("DELETE", path, { bearer }), 403, "forbidden");
    }
  });

  it("lets no operator set or see a password [AC-6]", () => {
    for (const { path, method } of operations.filter(({ tag }) => tag === "Administration")) {
      const { requestBody, responses } = document.paths[path][method];
      expect(JSON.stringify(requestBody ?? {})).not.toMatch(/password/i);
      const success = Object.entries(responses).filter(([status]) => status.startsWith("2"));
      expect(JSON.stringify(success)).not.toMatch(/password_hash|"password"/i);
    }
  });

  const cells = ATTEMPTS.flatMap((attempt) =>
    STANDINGS.flatMap((actor) =>
      (attempt.hasTarget ? STANDINGS : (["user"] as const)).map((other) => ({ attempt, actor, other })),
    ),
  );

  it.each(cells.map((cell) => ({ ...cell, title: `${cell.attempt.name} by a ${cell.actor} on a ${cell.other}` })))(
    "decides $title [AC-2, AC-3, AC-5, JW-8]",
    async ({ attempt, actor, other }) => {
      const by = actors.get(actor);
      if (by === undefined) throw new Error("no such actor");
      const id = attempt.hasTarget ? await target(other) : "";
      const before = await env.DB.prepare("SELECT * FROM users WHERE id = ?").bind(id).first();
      const answer = await attempt.run(by, id);
      if (EXPECTED[attempt.permission][actor].includes(other)) {
        expect(answer.status, answer.text).toBeLessThan(300);
        unharmed.delete(other);
      } else {
        expectProblem(answer, 403, "forbidden");
        expect(answer.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="insufficient_scope"');
        expect(await env.DB.prepare("SELECT * FROM users WHERE id = ?").bind(id).first()).toEqual(before);
      }
    },
  );

  it.each(ATTEMPTS)("refuses $name without a valid token, and to a suspended superuser", async ({ run }) => {
    const id = await target("user");
    const anonymous = { ...(actors.get("user") as LoggedIn), accessToken: "nonsense" };
    expectProblem(await run(anonymous, id), 401, "invalid_access_token");
    const suspended = await withStanding("superuser");
    await setUser(suspended, { is_active: 0 });
    expectProblem(await run(suspended, id), 401, "invalid_access_token");
  });
});
