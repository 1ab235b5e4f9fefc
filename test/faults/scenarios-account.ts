/** The routes under /users/me, and the change of the password. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { readMe } from "../support/account.ts";
import { get } from "../support/client.ts";
import { newPerson, rowOf } from "../support/people.ts";
import { visitor, withSession } from "./cast.ts";
import { expectAlive, expectDead, expectLogin, expectNoLogin, type Prepare } from "./scenario.ts";

let reader: Promise<{ accessToken: string }> | undefined;

const reading =
  (path: string, more: { isCold?: boolean } = {}): Prepare =>
  async () => {
    reader ??= visitor();
    return { method: "GET", path, bearer: (await reader).accessToken, ...more };
  };

/** The parts of a scenario about a user who is logged in twice. */
async function twoSessions() {
  const person = await visitor();
  const other = await withSession(person);
  return { person, other, isOtherEnded: async () => (await readMe(other.accessToken)).status === 401 };
}

export const ACCOUNT: Record<string, Prepare> = {
  async changeEmail() {
    const person = await visitor();
    const { email } = newPerson();
    return {
      ...{ method: "POST", path: "/api/v1/users/me/email", bearer: person.accessToken },
      body: { email, password: person.password },
      isDone: async () =>
        (await env.DB.prepare("SELECT 1 FROM email_changes WHERE new_email = ?").bind(email).first()) !== null,
      event: { type: "email_change_requested", userId: person.userId },
      repeats: true,
      whenDone: () => Promise.all([expectAlive(person), expectLogin(person)]),
      mails: ["confirm_email", "email_change_requested"],
    };
  },

  readMe: reading("/api/v1/users/me", { isCold: true }),

  async updateMe() {
    const { accessToken, email, userId } = await visitor();
    const username = `renamed-${userId.slice(-12)}`;
    return {
      ...{ method: "PUT", path: "/api/v1/users/me", bearer: accessToken, body: { first_name: "Ada", username } },
      userId,
      isDone: async () => (await rowOf(email))?.username === username,
      whenDone: async () => expect((await rowOf(email))?.first_name).toBe("Ada"),
      event: { type: "profile_changed", userId },
    };
  },

  async changePassword() {
    const { person, other } = await twoSessions();
    const changed = { email: person.email, password: "another fine password" };
    return {
      ...{ method: "POST", path: "/api/v1/users/change-password", bearer: person.accessToken, again: "wrong_password" },
      body: { current_password: person.password, new_password: changed.password },
      userId: person.userId,
      isDone: async () => (await rowOf(person.email))?.session_epoch === 1,
      whenDone: () =>
        Promise.all([expectAlive(person), expectDead(other), expectLogin(changed), expectNoLogin(person)]),
      event: { type: "password_changed", userId: person.userId },
      mails: ["password_changed"],
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  async removePassword() {
    const { person, other } = await twoSessions();
    return {
      ...{ method: "DELETE", path: "/api/v1/users/me/password", bearer: person.accessToken },
      body: { current_password: person.password },
      userId: person.userId,
      isDone: async () => (await rowOf(person.email))?.session_epoch === 1,
      whenDone: () => Promise.all([expectAlive(person), expectDead(other), expectNoLogin(person)]),
      event: { type: "password_removed", userId: person.userId },
      mails: ["password_removed"],
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  listSessions: reading("/api/v1/users/me/sessions"),

  async endSession() {
    const { person, other, isOtherEnded } = await twoSessions();
    return {
      ...{ method: "DELETE", path: `/api/v1/users/me/sessions/${other.sessionId}`, bearer: person.accessToken },
      ...{ again: "not_found", isDone: isOtherEnded, userId: person.userId },
      whenDone: () => Promise.all([expectAlive(person), expectDead(other)]),
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  async endOtherSessions() {
    const { person, other, isOtherEnded } = await twoSessions();
    return {
      ...{
        method: "DELETE",
        path: "/api/v1/users/me/sessions",
        bearer: person.accessToken,
        isDone: isOtherEnded,
        userId: person.userId,
      },
      whenDone: () => Promise.all([expectAlive(person), expectDead(other)]),
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  async deleteMe() {
    const { accessToken: bearer, ...person } = await visitor();
    const tokens = { accessToken: bearer, refreshToken: person.refreshToken };
    return {
      ...{ method: "DELETE", path: "/api/v1/users/me", bearer, body: { password: person.password } },
      ...{
        again: "invalid_access_token",
        userId: person.userId,
        isDone: async () => (await rowOf(person.email)) === null,
      },
      whenDone: () => Promise.all([expectDead(tokens), expectNoLogin(person)]),
      event: { type: "account_deleted", userId: person.userId },
      mails: ["account_deleted"],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async exportMe() {
    const { accessToken: bearer } = await visitor();
    return {
      ...{ method: "GET", path: "/api/v1/users/me/export", bearer, isStreamed: true },
      whenDone: async () => expect((await get("/api/v1/users/me/export", { bearer })).json.user).toBeDefined(),
    };
  },

  listSecurityEvents: reading("/api/v1/users/me/security-events"),
};
