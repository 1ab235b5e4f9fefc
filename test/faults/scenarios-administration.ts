/** The routes of operators. */
import { env } from "cloudflare:workers";
import { readMe } from "../support/account.ts";
import { countRows } from "../support/database.ts";
import { undelivered } from "../support/emails.ts";
import { openInvitation } from "../support/invitations.ts";
import { newPerson, rowOf } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { superuser, visitor, withSession } from "./cast.ts";
import { expectAlive, expectDead, expectLogin, expectNoLogin, type Prepare } from "./scenario.ts";

const reading =
  (path: string): Prepare =>
  async () => ({ method: "GET", path, bearer: (await superuser()).accessToken });

const onLimit =
  (name: string, act: "look-up" | "reset"): Prepare =>
  async () => {
    const { accessToken: bearer } = await superuser();
    return { method: "POST", path: `/api/v1/limits/${name}/${act}`, bearer, body: { key: (await visitor()).email } };
  };

/** A user, and the parts of a request about them. */
async function target(method: string, path = "") {
  const [person, { accessToken: bearer }] = [await visitor(), await superuser()];
  const { userId } = person;
  return { person, request: { method, path: `/api/v1/users/${userId}${path}`, bearer, userId } };
}

export const ADMINISTRATION: Record<string, Prepare> = {
  listUsers: reading("/api/v1/users"),
  async lookUpUser() {
    const { email } = await visitor();
    const { accessToken: bearer } = await superuser();
    return { method: "GET", path: `/api/v1/users/lookup?email=${encodeURIComponent(email)}`, bearer };
  },
  readUser: async () => (await target("GET")).request,

  async "updateUser to suspend"() {
    const { person, request } = await target("PATCH");
    return {
      ...{ ...request, body: { is_active: false } },
      isDone: async () => (await rowOf(person.email))?.is_active === 0,
      whenDone: () => Promise.all([expectDead(person), expectNoLogin(person, "account_disabled")]),
      event: { type: "account_suspended", userId: person.userId },
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async "updateUser to give a role"() {
    const { person, request } = await target("PATCH");
    const isDone = async () => (await rowOf(person.email))?.role === "moderator";
    return {
      ...{ ...request, body: { role: "moderator" }, isDone },
      // The session still works, but a token with the old role does not.
      whenDone: async () => {
        if ((await readMe(person.accessToken)).status !== 401) throw new Error("The old role is still accepted.");
        await expectLogin(person);
      },
      event: { type: "role_changed", userId: person.userId },
      revoked: { userId: person.userId, role: "moderator" },
    };
  },

  async deleteUser() {
    const { person, request } = await target("DELETE");
    return {
      ...{ ...request, again: "not_found", isDone: async () => (await rowOf(person.email)) === null },
      whenDone: () => Promise.all([expectDead(person), expectNoLogin(person)]),
      event: { type: "account_deleted", userId: person.userId },
      mails: ["account_deleted"],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async revokeSessions() {
    const { person, request } = await target("POST", "/revoke-sessions");
    return {
      ...{ ...request, isDone: async () => (await readMe(person.accessToken)).status === 401 },
      whenDone: () => Promise.all([expectDead(person), expectLogin(person)]),
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  listUserSessions: async () => (await target("GET", "/sessions")).request,

  async endUserSession() {
    const [person, { accessToken: bearer }] = [await visitor(), await superuser()];
    const { userId, sessionId } = person;
    const other = await withSession({ ...person, userId });
    return {
      ...{ method: "DELETE", path: `/api/v1/users/${userId}/sessions/${sessionId}`, bearer, userId },
      again: "not_found",
      isDone: async () => (await readMe(person.accessToken)).status === 401,
      whenDone: () => Promise.all([expectDead(person), expectAlive(other)]),
      revoked: { userId, sessionId },
    };
  },

  sendPasswordReset: async () => ({
    ...(await target("POST", "/send-password-reset")).request,
    mails: ["reset_password"],
  }),
  listAuditEvents: reading("/api/v1/audit-events"),

  listDeadLetters: reading("/api/v1/emails/dead-letters"),

  async retryEmail() {
    const [{ userId }, { accessToken: bearer }] = [await visitor(), await superuser()];
    const id = await undelivered(userId);
    return {
      ...{ method: "POST", path: `/api/v1/emails/dead-letters/${id}/retry`, bearer, again: "not_found" },
      isDone: async () => (await countRows("undelivered_emails", "id", id)) === 0,
      event: { type: "email_retried", userId },
      mails: ["password_changed"],
    };
  },

  async readOverview() {
    // As if the overview had never been read.
    const names = ["insert", "update", "delete"].map((name) => `TRIGGER IF EXISTS user_totals_${name}`);
    const statements = [...names, "TABLE IF EXISTS user_totals"].map((what) => env.DB.prepare(`DROP ${what}`));
    await env.DB.batch(statements);
    return reading("/api/v1/overview")();
  },
  listKeys: reading("/api/v1/keys"),
  async rotateKeys() {
    const { accessToken: bearer } = await superuser();
    // As if earlier scenarios had not rotated the keys.
    const statements = [
      "DELETE FROM signing_keys WHERE signs_from > ?1",
      "UPDATE signing_keys SET rotates_at = ?1 + 9e8",
    ];
    await env.DB.batch(statements.map((statement) => env.DB.prepare(statement).bind(Date.now())));
    return { method: "POST", path: "/api/v1/keys/rotate", bearer };
  },
  listLimits: reading("/api/v1/limits"),
  lookUpLimit: onLimit("mailPerRecipient", "look-up"),
  "lookUpLimit at a name": onLimit("loginPerAccount", "look-up"),
  resetLimit: onLimit("mailPerRecipient", "reset"),
  "resetLimit at a name": onLimit("loginPerAccount", "reset"),
  readConfiguration: reading("/api/v1/configuration"),
  async exportAuditEvents() {
    // Each request comes from a new superuser, whose budget of exports is unused.
    const { accessToken: bearer } = await visitor("superuser");
    return { method: "GET", path: "/api/v1/audit-events/export?format=csv", bearer, isStreamed: true };
  },

  async inviteUser() {
    const { accessToken: bearer } = await superuser();
    const { email } = newPerson();
    const isDone = async () =>
      (await coldIsolate().invitations.list({ limit: 100 })).some((one) => one.email === email);
    const request = { method: "POST", path: "/api/v1/invitations", bearer, body: { email } };
    return { ...request, isDone, repeats: true, mails: ["invitation"] };
  },
  listInvitations: reading("/api/v1/invitations"),

  async resendInvitation() {
    const { accessToken: bearer, userId } = await superuser();
    const path = `/api/v1/invitations/${await openInvitation(userId)}/resend`;
    return { method: "POST", path, bearer, mails: ["invitation"] };
  },

  async revokeInvitation() {
    const { accessToken: bearer, userId } = await superuser();
    const id = await openInvitation(userId);
    const isDone = async () => (await coldIsolate().invitations.find(id)) === undefined;
    return { method: "DELETE", path: `/api/v1/invitations/${id}`, bearer, again: "not_found", isDone };
  },
};
