/** Creates people directly in storage, without emails and without waiting. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { invitationState, recoveryState } from "../../src/links/link-states.ts";
import { type LinkPurpose, signLink } from "../../src/links/link-tokens.ts";
import { loginCode } from "../../src/links/login-requests.ts";
import { HOUR, MINUTE } from "../../src/platform/clock.ts";
import { createId } from "../../src/platform/random.ts";
import { issueTokenPair } from "../../src/tokens/token-pair.ts";
import { newProfile } from "../../src/users/profile-fields.ts";
import { readMe } from "../support/account.ts";
import { eventually } from "../support/eventually.ts";
import { neverLog } from "../support/logs.ts";
import { type LoggedIn, newPerson, type Person } from "../support/people.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";

const services = coldIsolate();
const { clock, emailChanges, passwords, random, registrations, secrets, users } = services;

export const newId = () => createId(clock.now(), random);

async function hashOf(password: string): Promise<string> {
  const hashed = await passwords.hash(password);
  if (!("hash" in hashed)) throw new Error("The hashing lane is full.");
  return hashed.hash;
}

/** A user with a verified address, who has logged in before. */
export async function userInDirectory(
  standing: "user" | "superuser" = "user",
  lastLoginAt: number | null = clock.now(),
): Promise<Person & { userId: string }> {
  const person = newPerson();
  const userId = newId();
  const [role, flag] = standing === "superuser" ? ["admin", 1] : ["user", 0];
  const now = clock.now();
  await env.DB.prepare(
    "INSERT INTO users (id, email, username, password_hash, role, is_superuser, is_verified, created_at, updated_at, last_login_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
  )
    .bind(userId, person.email, person.username, await hashOf(person.password), role, flag, now, now, lastLoginAt)
    .run();
  return { ...person, userId };
}

type Visitor = Omit<LoggedIn, "answer">;

/** A user of {@link userInDirectory} with a session. */
export const visitor = async (standing?: "superuser"): Promise<Visitor> => withSession(await userInDirectory(standing));

/** Opens another session of a user. */
export async function withSession(person: Person & { userId: string }): Promise<Visitor> {
  const { userId } = person;
  const sessionId = newId();
  const origin = { deviceName: null, userAgent: null, ipAddress: null, device: "a browser" };
  const [opened, { user, keyringVersion }] = await Promise.all([
    services.sessions.create(userId, sessionId, 0, origin, ["pwd"]),
    users.findWithKeyringVersion(userId),
  ]);
  if (opened === null || "outcome" in opened || user === undefined) throw new Error("There is no such user.");
  const { authentication, expiresAt } = opened;
  const issued = { user, sessionId, generation: 1, expiresAt, authentication, keyringVersion };
  const pair = await issueTokenPair(services, issued);
  for (const token of [pair.access_token, pair.refresh_token]) neverLog(token);
  return { ...person, sessionId, accessToken: pair.access_token, refreshToken: pair.refresh_token };
}

/** Waits until the Worker knows the signing key. For an unknown key, it reads the keys at most once a second. */
export async function untilKeyIsKnown(): Promise<void> {
  const { accessToken } = await visitor();
  await eventually(async () => expect((await readMe(accessToken)).status).toBe(200));
}

let operator: Visitor | undefined;
let operations = 0;

/** A superuser. Every 100th call returns a new superuser, so that none reaches a limit for operators. */
export async function superuser(): Promise<Visitor> {
  if (operator === undefined || operations % 100 === 0) operator = await visitor("superuser");
  operations += 1;
  return operator;
}

/** A registration that waits for its verification, and the token of the link that verifies it. */
export async function waiting(): Promise<Person & { token: string }> {
  const person = newPerson();
  const { email, username } = person;
  const id = newId();
  const row = { id, email, username, passwordHash: await hashOf(person.password), ...newProfile({}), locale: "en" };
  await registrations.add({ ...row, createdAt: clock.now() }, 0, NOTHING_FOLLOWS);
  return { ...person, token: sign("verify-email", id, []) };
}

/** The token of a link that resets a user's password. */
export async function resetToken(userId: string): Promise<string> {
  const user = await users.find(userId);
  if (user === undefined) throw new Error("There is no such user.");
  return sign("reset-password", userId, recoveryState(user));
}

/** The token of a link that logs in, and the code that another browser needs for the link. */
export async function loginLink(userId: string): Promise<{ token: string; code: string }> {
  const user = await users.find(userId);
  if (user === undefined) throw new Error("There is no such user.");
  const mailId = newId();
  const expiresAt = clock.now() + 10 * MINUTE;
  const token = signLink("email-login", { subjectId: userId, expiresAt, mailId, state: recoveryState(user) }, secrets);
  neverLog(token);
  return { token, code: loginCode(mailId, secrets) };
}

/** A user who asked for another address, and the tokens of the two emails. */
export async function mover(): Promise<Visitor & { newEmail: string; confirmation: string; undo: string }> {
  const person = await visitor();
  const id = newId();
  const { email: newEmail } = newPerson();
  const change = { id, userId: person.userId, oldEmail: person.email, newEmail, sessionEpoch: 0 };
  const times = { requestedAt: clock.now(), confirmedAt: null, undoneAt: null };
  await emailChanges.request({ ...change, ...times }, NOTHING_FOLLOWS);
  return {
    ...person,
    newEmail,
    confirmation: sign("confirm-email", id, []),
    undo: sign("undo-email-change", id, []),
  };
}

/** The token of an invitation for an address. */
export const invitationToken = (email: string) => sign("invitation", newId(), invitationState(email));

/** The token of a link for any purpose. */
export function sign(purpose: LinkPurpose, subjectId: string, state: (string | number)[] = []): string {
  const link = { subjectId, expiresAt: clock.now() + 20 * HOUR, mailId: newId(), state };
  const token = signLink(purpose, link, secrets);
  neverLog(token);
  return token;
}
