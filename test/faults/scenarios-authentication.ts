/** The routes under /auth. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { readMe, refresh, tryLogin } from "../support/account.ts";
import { ORIGIN, post } from "../support/client.ts";
import { newPerson, rowOf } from "../support/people.ts";
import {
  invitationToken,
  loginLink,
  mover,
  resetToken,
  userInDirectory,
  visitor,
  waiting,
  withSession,
} from "./cast.ts";
import { expectAlive, expectDead, expectLogin, expectNoLogin, type Prepare } from "./scenario.ts";

/** The fake Turnstile accepts every token. */
const turnstile_token = "a-token-of-turnstile";
const idOf = (email: string) => async () => String((await rowOf(email))?.id);
const isInState = (email: string, state: Record<string, unknown>) => async () => {
  const row = await rowOf(email);
  return row !== null && Object.entries(state).every(([name, value]) => row[name] === value);
};

export const AUTHENTICATION: Record<string, Prepare> = {
  async register() {
    const person = newPerson();
    return {
      ...{ method: "POST", path: "/api/v1/auth/register", body: { ...person, turnstile_token } },
      isDone: async () => (await rowOf(person.email)) !== null,
      whenDone: () => expectNoLogin(person, "email_not_verified"),
      event: { type: "registered", userId: idOf(person.email) },
      mails: ["verify_email"],
    };
  },

  async verifyEmail() {
    const { token, ...person } = await waiting();
    return {
      ...{ method: "POST", path: "/api/v1/auth/verify-email", body: { token } },
      isDone: isInState(person.email, { is_verified: 1 }),
      whenDone: () => expectLogin(person),
      event: { type: "email_verified", userId: idOf(person.email) },
    };
  },

  async resendVerification() {
    const { email } = await waiting();
    return {
      ...{ method: "POST", path: "/api/v1/auth/resend-verification", body: { email } },
      mails: ["resend_verification"],
    };
  },

  async judgePassword() {
    const { password } = newPerson();
    return { method: "POST", path: "/api/v1/auth/password-strength", isCold: true, body: { password } };
  },

  async forgotPassword() {
    const { email } = await userInDirectory();
    return {
      ...{ method: "POST", path: "/api/v1/auth/forgot-password", body: { email, turnstile_token } },
      mails: ["reset_password"],
    };
  },

  async resetPassword() {
    const person = await visitor();
    const token = await resetToken(person.userId);
    const changed = { email: person.email, password: "another fine password" };
    return {
      ...{ method: "POST", path: "/api/v1/auth/reset-password" },
      ...{ body: { token, new_password: changed.password }, again: "invalid_token" },
      userId: person.userId,
      isDone: isInState(person.email, { session_epoch: 1 }),
      whenDone: () => Promise.all([expectDead(person), expectNoLogin(person), expectLogin(changed)]),
      event: { type: "password_reset", userId: person.userId },
      mails: ["password_changed"],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async confirmEmail() {
    const { newEmail, confirmation, ...person } = await mover();
    const moved = { email: newEmail, password: person.password };
    return {
      ...{ method: "POST", path: "/api/v1/auth/confirm-email", body: { token: confirmation } },
      userId: person.userId,
      isDone: async () => (await rowOf(newEmail)) !== null,
      whenDone: () => Promise.all([expectAlive(person), expectNoLogin(person), expectLogin(moved)]),
      event: { type: "email_changed", userId: person.userId },
      mails: ["email_changed"],
    };
  },

  async undoEmailChange() {
    const { undo, ...person } = await mover();
    return {
      ...{ method: "POST", path: "/api/v1/auth/undo-email-change", body: { token: undo } },
      userId: person.userId,
      isDone: isInState(person.email, { session_epoch: 1 }),
      whenDone: () => Promise.all([expectDead(person), expectNoLogin(person)]),
      event: { type: "email_change_undone", userId: person.userId },
      mails: ["reset_password"],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async login() {
    const { userId, ...person } = await userInDirectory("user", null);
    return {
      ...{ method: "POST", path: "/api/v1/auth/login", isCold: true },
      body: { email: person.email, password: person.password, turnstile_token },
      isDone: async () => (await rowOf(person.email))?.last_login_at !== null,
      event: { type: "login_succeeded", userId },
      repeats: true,
      whenDone: async (fault) => {
        expect((await tryLogin(person)).status).toBe(200);
        // A failed attempt ends its session after the answer. But if the isolate is lost first, the session may stay
        // until it expires.
        const most = fault === "lost" ? 3 : 2;
        expect((await env.USER_SESSIONS.getByName(userId).list()).length).toBeLessThanOrEqual(most);
      },
    };
  },

  async "login from a new device"() {
    const { email, password } = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/auth/login" },
      body: { email, password, turnstile_token, device_name: "A new phone" },
      mails: ["new_login"],
      // The device still counts as new, so the next login sends the email.
      isMadeUpFor: true,
    };
  },

  async "login with a wrong password"() {
    const { userId, ...person } = await userInDirectory();
    return {
      ...{ method: "POST", path: "/api/v1/auth/login", refusal: "invalid_credentials" },
      body: { email: person.email, password: "a wrong password, surely", turnstile_token },
      whenDone: async () => expect((await tryLogin(person)).status).toBe(200),
    };
  },

  async requestEmailLogin() {
    const { email } = await userInDirectory();
    return {
      ...{ method: "POST", path: "/api/v1/auth/email-login", body: { email, turnstile_token } },
      mails: ["email_login"],
    };
  },

  async confirmEmailLogin() {
    const { userId } = await userInDirectory();
    const path = "/api/v1/auth/email-login/confirm";
    return {
      ...{ method: "POST", path, isCold: true, body: await loginLink(userId), again: "invalid_token" },
      isDone: () =>
        runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
          const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'spent_tokens'");
          return tables.toArray().length === 1;
        }),
      // The failed attempts have left no session behind.
      whenDone: async () => {
        const { json, status } = await post(path, await loginLink(userId));
        expect(status).toBe(200);
        await expectAlive({ accessToken: json.access_token, refreshToken: json.refresh_token });
        expect((await env.USER_SESSIONS.getByName(userId).list()).length).toBeLessThanOrEqual(2);
      },
    };
  },

  async checkCookie() {
    const { refreshToken } = await visitor();
    const headers = { Cookie: `postern_refresh=${refreshToken}`, Origin: ORIGIN };
    return { method: "POST", path: "/api/v1/auth/check-cookie", headers };
  },

  async refresh() {
    const person = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/auth/refresh", isCold: true, body: { refresh_token: person.refreshToken } },
      whenDone: async () => {
        expect((await readMe(person.accessToken)).status).toBe(200);
        // Within the grace period, the first refresh token always gets the same successor.
        const { refresh_token } = (await refresh(person.refreshToken)).json;
        await expectAlive({ accessToken: person.accessToken, refreshToken: refresh_token });
      },
    };
  },

  async "refresh with a replaced token"() {
    const person = await visitor();
    const next = (await refresh(person.refreshToken)).json;
    const last = (await refresh(next.refresh_token)).json;
    return {
      ...{ method: "POST", path: "/api/v1/auth/refresh", refusal: "refresh_token_reused" },
      again: "invalid_refresh_token",
      body: { refresh_token: person.refreshToken },
      userId: person.userId,
      isDone: async () => (await readMe(person.accessToken)).status === 401,
      whenDone: () => expectDead({ accessToken: last.access_token, refreshToken: last.refresh_token }),
      revoked: { userId: person.userId, sessionId: person.sessionId },
      reported: { type: "refresh_token_reused", subject: /logged out/, ...person },
    };
  },

  async reauthenticate() {
    const person = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/auth/reauthenticate", bearer: person.accessToken },
      body: { password: person.password },
      // The earlier refresh token is at most one generation behind, unless the client repeated its request.
      whenDone: async () => {
        const repeated = await post(
          "/api/v1/auth/reauthenticate",
          { password: person.password },
          { bearer: person.accessToken },
        );
        expect(repeated.status).toBe(200);
        await expectAlive({ accessToken: person.accessToken, refreshToken: repeated.json.refresh_token });
      },
    };
  },

  async "reauthenticate with a wrong password"() {
    const person = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/auth/reauthenticate", bearer: person.accessToken, refusal: "wrong_password" },
      body: { password: "a wrong password, surely" },
      userId: person.userId,
      whenDone: () => expectAlive(person),
    };
  },

  async logout() {
    const person = await visitor();
    const other = await withSession(person);
    return {
      ...{ method: "POST", path: "/api/v1/auth/logout", bearer: person.accessToken },
      userId: person.userId,
      isDone: async () => (await readMe(person.accessToken)).status === 401,
      whenDone: () => Promise.all([expectDead(person), expectAlive(other)]),
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async "logout everywhere"() {
    const person = await visitor();
    const other = await withSession(person);
    return {
      ...{ method: "POST", path: "/api/v1/auth/logout", bearer: person.accessToken, again: "invalid_access_token" },
      body: { all: true },
      userId: person.userId,
      isDone: async () => (await readMe(person.accessToken)).status === 401,
      whenDone: () => Promise.all([expectDead(person), expectDead(other)]),
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  async acceptInvitation() {
    const person = newPerson();
    const body = { ...person, token: invitationToken(person.email) };
    return {
      ...{ method: "POST", path: "/api/v1/auth/accept-invitation", body, again: "invitation_used" },
      isDone: isInState(person.email, { is_verified: 1 }),
      whenDone: () => expectLogin(person),
      event: { type: "invitation_accepted", userId: idOf(person.email) },
    };
  },
};
