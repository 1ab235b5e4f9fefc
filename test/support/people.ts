import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { Standing } from "../../src/access/permissions.ts";
import type { AuditEventType } from "../../src/audit/event-types.ts";
import { type Answer, type Call, post } from "./client.ts";
import { eventually } from "./eventually.ts";
import { neverLog } from "./logs.ts";

export interface Person {
  email: string;
  username: string;
  password: string;
}

let people = 0;

/** A new person that no other test uses. */
export function newPerson(): Person {
  people += 1;
  const id = `${people}-${crypto.randomUUID().slice(0, 8)}`;
  const name = `person-${id}`;
  return { email: `${name}@example.com`, username: name, password: `a fine password, no ${id}` };
}

/** Registers a person, and verifies the address with the emailed link. */
export async function registered(person = newPerson()): Promise<Person> {
  const answer = await post("/api/v1/auth/register", person);
  expect(answer.status).toBe(202);
  const verified = await post("/api/v1/auth/verify-email", { token: await mailedToken(person.email) });
  expect(verified.status).toBe(200);
  return person;
}

/** Registers without verifying the address. `token` is from the emailed link. `emails`: how many emails to wait for. */
export async function unverified(person = newPerson(), emails = 1): Promise<Person & { token: string }> {
  expect((await post("/api/v1/auth/register", person)).status).toBe(202);
  return { ...person, token: await mailedToken(person.email, emails) };
}

export interface LoggedIn extends Person {
  answer: Answer;
  accessToken: string;
  refreshToken: string;
  sessionId: string;
  userId: string;
}

export async function logIn(person: Person, more: Record<string, unknown> = {}, options?: Call): Promise<LoggedIn> {
  const body = { email: person.email, password: person.password, ...more };
  const answer = await post("/api/v1/auth/login", body, options);
  expect(answer.status, answer.text).toBe(200);
  const { access_token, refresh_token, session_id, user } = answer.json;
  return {
    ...person,
    answer,
    accessToken: access_token,
    refreshToken: refresh_token,
    sessionId: session_id,
    userId: user.id,
  };
}

export async function loggedIn(): Promise<LoggedIn> {
  return logIn(await registered());
}

export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  sent_at: number;
}

/**
 * Waits until the outbox has `count` emails to an address. Returns them, newest first. Reads D1, because the route of
 * the outbox lists the emails of all tests.
 */
export async function mailsTo(email: string, count = 1): Promise<Mail[]> {
  const query = env.DB.prepare(
    `SELECT recipient AS "to", subject, text, html, sent_at FROM outbox WHERE recipient = ? ORDER BY sent_at DESC, id DESC`,
  ).bind(email.toLowerCase());
  return vi.waitFor(
    async () => {
      const { results } = await query.all<Mail>();
      expect(results.length, `emails to ${email}`).toBeGreaterThanOrEqual(count);
      return results;
    },
    { timeout: 20_000, interval: 5 },
  );
}

/** Waits for `count` emails to an address. Returns the token of the newest link in them. */
export async function mailedToken(email: string, count = 1): Promise<string> {
  // The queue may reorder emails, so this takes the newest one with a link.
  const tokens = (await mailsTo(email, count)).flatMap(({ text }) => /#token=([\w-]+)/.exec(text)?.[1] ?? []);
  const [token = ""] = tokens;
  neverLog(token);
  return token;
}

/** Waits for `count` emails with this subject. Returns the newest. */
export async function mailAbout(email: string, subject: RegExp, count = 1): Promise<Mail> {
  return eventually(async () => {
    const [found, ...others] = (await mailsTo(email)).filter((mail) => subject.test(mail.subject));
    if (found === undefined || others.length < count - 1) throw new Error(`No email to ${email} about ${subject}.`);
    return found;
  });
}

/** Waits for `count` emails with this subject. Returns the token of the link in the newest. */
export async function tokenAbout(email: string, subject: RegExp, count = 1): Promise<string> {
  const [, token = ""] = /#token=([\w-]+)/.exec((await mailAbout(email, subject, count)).text) ?? [];
  neverLog(token);
  return token;
}

/** The user's row in D1. */
export async function rowOf(email: string): Promise<Record<string, unknown> | null> {
  return env.DB.prepare("SELECT * FROM users WHERE email = ?").bind(email.toLowerCase()).first();
}

/** Adds a user with this id directly to D1. The user has no usable password. */
export async function addUserRow(id: string): Promise<void> {
  await env.DB.prepare(
    "INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES (?1, ?1 || '@example.com', ?1, '!', 1, 1)",
  )
    .bind(id)
    .run();
}

/** A logged-in new user with this role or the superuser flag. Sets both directly in D1. */
export async function withStanding(standing: Standing): Promise<LoggedIn> {
  const person = await registered();
  const role = standing === "superuser" ? "admin" : standing;
  await env.DB.prepare("UPDATE users SET role = ?, is_superuser = ? WHERE email = ?")
    .bind(role, standing === "superuser" ? 1 : 0, person.email)
    .run();
  return logIn(person);
}

/** Waits until the audit log has `count` events of this type about a user. Returns them, newest first. */
export async function eventsOf(userId: string, type: AuditEventType, count = 1): Promise<Record<string, unknown>[]> {
  return eventually(async () => {
    const query = "SELECT * FROM audit_events WHERE user_id = ? AND type = ? ORDER BY id DESC";
    const { results } = await env.DB.prepare(query).bind(userId, type).all();
    expect(results.length, `${type} of ${userId}`).toBeGreaterThanOrEqual(count);
    return results;
  });
}
