/** What follows from a change happens even if the isolate is lost right after it, at whichever call that is. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { AuditEventType } from "../../src/audit/event-types.ts";
import { revocationKey } from "../../src/sessions/revocations.ts";
import { freshAddress, ORIGIN, post } from "../support/client.ts";
import { sendUntilLost } from "../support/cut-off.ts";
import {
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  registered,
  rowOf,
  somebody,
  withStanding,
} from "../support/people.ts";
import { carryOutLeft } from "../support/services.ts";

/** One request, and what it brings with it. */
interface Attempt {
  method: string;
  path: string;
  body?: unknown;
  bearer?: string;
  /** Whether D1 has changed. */
  hasChanged: () => Promise<boolean>;
  /** The event that must be recorded then, about this user. */
  event: { type: AuditEventType; userId: string | (() => Promise<string>) };
  /** The emails that must arrive then, by recipient. */
  mails?: [to: string, subject: RegExp][];
  /** What the user's record in KV must hold then. */
  revoked?: { userId: string; sessionId?: string; role?: string };
}

async function hasRow(query: string, ...values: unknown[]): Promise<boolean> {
  return (
    (await env.DB.prepare(query)
      .bind(...values)
      .first()) !== null
  );
}

const isInState = (email: string, state: Record<string, unknown>) => async () => {
  const row = await rowOf(email);
  return row !== null && Object.entries(state).every(([name, value]) => row[name] === value);
};

/** A user who has asked for a change of address, and the token of the email to one of the two addresses. */
async function mover(which: "new" | "old", isConfirmed = false) {
  const person = await loggedIn();
  const { email } = somebody();
  await post("/api/v1/users/me/email", { email, password: person.password }, { bearer: person.accessToken });
  const confirmation = await mailedToken(email);
  if (isConfirmed) await post("/api/v1/auth/confirm-email", { token: confirmation });
  return { person, email, token: which === "new" ? confirmation : await mailedToken(person.email, 2) };
}

const ROUTES: Record<string, () => Promise<Attempt>> = {
  async "a registration"() {
    const person = somebody();
    return {
      ...{ method: "POST", path: "/api/v1/auth/register", body: person },
      hasChanged: () => hasRow("SELECT 1 FROM registrations WHERE email = ?", person.email),
      event: { type: "registered", userId: async () => String((await rowOf(person.email))?.id) },
      mails: [[person.email, /^Verify/]],
    };
  },

  async "a verification"() {
    const person = somebody();
    await post("/api/v1/auth/register", person);
    const token = await mailedToken(person.email);
    return {
      ...{ method: "POST", path: "/api/v1/auth/verify-email", body: { token } },
      hasChanged: isInState(person.email, { is_verified: 1 }),
      event: { type: "email_verified", userId: async () => String((await rowOf(person.email))?.id) },
    };
  },

  async "a login"() {
    const { email, password } = await registered();
    return {
      ...{ method: "POST", path: "/api/v1/auth/login", body: { email, password } },
      hasChanged: async () => (await rowOf(email))?.last_login_at !== null,
      event: { type: "login_succeeded", userId: async () => String((await rowOf(email))?.id) },
    };
  },

  async "a change of the password"() {
    const person = await loggedIn();
    const other = await logIn(person);
    return {
      ...{ method: "POST", path: "/api/v1/users/change-password", bearer: person.accessToken },
      body: { current_password: person.password, new_password: "another fine password" },
      hasChanged: isInState(person.email, { session_epoch: 1 }),
      event: { type: "password_changed", userId: person.userId },
      mails: [[person.email, /password has been changed/]],
      revoked: { userId: person.userId, sessionId: other.sessionId },
    };
  },

  async "a reset of the password"() {
    const person = await loggedIn();
    await post("/api/v1/auth/forgot-password", { email: person.email });
    const token = await mailedToken(person.email, 2);
    return {
      ...{ method: "POST", path: "/api/v1/auth/reset-password" },
      body: { token, new_password: "another fine password" },
      hasChanged: isInState(person.email, { session_epoch: 1 }),
      event: { type: "password_reset", userId: person.userId },
      mails: [[person.email, /password has been changed/]],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async "a request to change the email address"() {
    const person = await loggedIn();
    const { email } = somebody();
    return {
      ...{ method: "POST", path: "/api/v1/users/me/email", bearer: person.accessToken },
      body: { email, password: person.password },
      hasChanged: () => hasRow("SELECT 1 FROM email_changes WHERE new_email = ?", email),
      event: { type: "email_change_requested", userId: person.userId },
      mails: [
        [email, /confirm/i],
        [person.email, /email/i],
      ],
    };
  },

  async "a confirmed change of the email address"() {
    const { person, email, token } = await mover("new");
    return {
      ...{ method: "POST", path: "/api/v1/auth/confirm-email", body: { token } },
      hasChanged: async () => (await rowOf(email)) !== null,
      event: { type: "email_changed", userId: person.userId },
      mails: [[person.email, /changed/i]],
    };
  },

  async "an undone change of the email address"() {
    const { person, token } = await mover("old", true);
    return {
      ...{ method: "POST", path: "/api/v1/auth/undo-email-change", body: { token } },
      hasChanged: isInState(person.email, { session_epoch: 1 }),
      event: { type: "email_change_undone", userId: person.userId },
      mails: [[person.email, /reset/i]],
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async "a change of the profile"() {
    const person = await loggedIn();
    return {
      ...{ method: "PUT", path: "/api/v1/users/me", bearer: person.accessToken, body: { first_name: "Ada" } },
      hasChanged: isInState(person.email, { first_name: "Ada" }),
      event: { type: "profile_changed", userId: person.userId },
    };
  },

  async "a deletion by the owner"() {
    const person = await loggedIn();
    return {
      ...{ method: "DELETE", path: "/api/v1/users/me", bearer: person.accessToken },
      body: { password: person.password },
      ...deletionOf(person),
    };
  },

  async "a deletion by an operator"() {
    const person = await loggedIn();
    const { accessToken: bearer } = await withStanding("admin");
    return { ...{ method: "DELETE", path: `/api/v1/users/${person.userId}`, bearer }, ...deletionOf(person) };
  },

  async "a suspension"() {
    const person = await loggedIn();
    const { accessToken: bearer } = await withStanding("admin");
    return {
      ...{ method: "PATCH", path: `/api/v1/users/${person.userId}`, bearer, body: { is_active: false } },
      hasChanged: isInState(person.email, { is_active: 0 }),
      event: { type: "account_suspended", userId: person.userId },
      revoked: { userId: person.userId, sessionId: person.sessionId },
    };
  },

  async "a change of the role"() {
    const person = await loggedIn();
    const { accessToken: bearer } = await withStanding("admin");
    return {
      ...{ method: "PATCH", path: `/api/v1/users/${person.userId}`, bearer, body: { role: "moderator" } },
      hasChanged: isInState(person.email, { role: "moderator" }),
      event: { type: "role_changed", userId: person.userId },
      revoked: { userId: person.userId, role: "moderator" },
    };
  },

  async "an accepted invitation"() {
    const { accessToken: bearer } = await withStanding("admin");
    const person = somebody();
    await post("/api/v1/invitations", { email: person.email }, { bearer });
    const token = await mailedToken(person.email);
    return {
      ...{ method: "POST", path: "/api/v1/auth/accept-invitation", body: { ...person, token } },
      hasChanged: isInState(person.email, { is_verified: 1 }),
      event: { type: "invitation_accepted", userId: async () => String((await rowOf(person.email))?.id) },
    };
  },
};

function deletionOf(person: LoggedIn) {
  return {
    hasChanged: async () => (await rowOf(person.email)) === null,
    event: { type: "account_deleted" as const, userId: person.userId },
    mails: [[person.email, /deleted/i]] satisfies [string, RegExp][],
    revoked: { userId: person.userId, sessionId: person.sessionId },
  };
}

function requestOf({ method, path, body, bearer }: Attempt): Request {
  const headers = new Headers({ "CF-Connecting-IP": freshAddress(), "Content-Type": "application/json" });
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  return new Request(`${ORIGIN}${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
}

async function countOf(type: string, userId: string): Promise<number | undefined> {
  const query = "SELECT count(*) AS count FROM audit_events WHERE type = ? AND user_id = ?";
  return (await env.DB.prepare(query).bind(type, userId).first<{ count: number }>())?.count;
}

async function expectRevoked({ userId, sessionId, role }: NonNullable<Attempt["revoked"]>): Promise<void> {
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));
  const record = await env.REVOCATIONS.get<{ sessions: object; role?: string }>(revocationKey(userId), "json");
  if (sessionId !== undefined) expect(Object.keys(record?.sessions ?? {})).toContain(sessionId);
  if (role !== undefined) expect(record?.role).toBe(role);
}

describe("when the isolate is lost at any call of a request", () => {
  it.each(Object.entries(ROUTES))(
    "%s either has not happened, or is recorded, emailed and copied to KV",
    async (_, prepare) => {
      const changedAt: number[] = [];
      // From the last call back to the first one before which nothing has changed.
      const calls = (await sendUntilLost(requestOf(await prepare()), Number.POSITIVE_INFINITY)).made;
      for (let last = calls; last > 0; last--) {
        const attempt = await prepare();
        const { event, mails = [], revoked } = attempt;
        await sendUntilLost(requestOf(attempt), last);
        const hasChanged = await attempt.hasChanged();
        const id = typeof event.userId === "string" ? event.userId : await event.userId();
        expect(await countOf(event.type, id), `${event.type}, lost at call ${last}`).toBe(hasChanged ? 1 : 0);
        if (!hasChanged) break;
        changedAt.push(last);
        await carryOutLeft();
        for (const [to, subject] of mails) {
          await vi.waitFor(async () => {
            const subjects = (await mailsTo(to)).map((mail) => mail.subject);
            expect(
              subjects.some((text) => subject.test(text)),
              `${subjects} to ${to}, lost at call ${last}`,
            ).toBe(true);
          }, 10_000);
        }
        if (revoked !== undefined) await expectRevoked(revoked);
      }
      expect(changedAt.length, "the change was seen at least once").toBeGreaterThan(0);
    },
    120_000,
  );
});
