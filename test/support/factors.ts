import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { post, type Send } from "./client.ts";
import { neverLog } from "./logs.ts";
import { type LoggedIn, loggedIn, mailAbout, type Person } from "./people.ts";
import { codeOf, STEP } from "./totp-code.ts";

export { codeOf };

export interface Totp {
  id: string;
  secret: string;
}

/** A person with an authenticator app, and with the recovery codes that the confirmation returned. */
export type WithTotp = LoggedIn & { totp: Totp; recoveryCodes: string[] };

/** Moves the clock to the middle of a later TOTP step, so that the step does not end during a test. */
export function nextStep(steps = 1): void {
  vi.setSystemTime((Math.floor(Date.now() / STEP) + steps + 0.5) * STEP);
}

export const addTotp = (bearer: string, body?: object) => post("/api/v1/users/me/factors/totp", body, { bearer });

export const confirmTotp = (bearer: string, code: string) =>
  post("/api/v1/users/me/factors/totp/confirm", { code }, { bearer });

/**
 * Makes the user's object report what has changed, by running its alarm. By itself, the alarm would follow the real
 * clock, which is behind the clock of these tests.
 */
export const reported = ({ userId }: { userId: string }) => runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));

/** A person who has added an authenticator app. The tokens are from the login before that. */
export async function withNewTotp(): Promise<WithTotp> {
  const owner = await loggedIn();
  nextStep();
  const added = await addTotp(owner.accessToken);
  expect(added.status, added.text).toBe(201);
  const { id, secret } = added.json;
  const confirmed = await confirmTotp(owner.accessToken, await codeOf(secret));
  expect(confirmed.status, confirmed.text).toBe(200);
  await reported(owner);
  return { ...owner, totp: { id, secret }, recoveryCodes: confirmed.json.recovery_codes };
}

/**
 * A person who has added an authenticator app and logged in with it. The clock is then in a later step, because the
 * used code would be refused.
 */
export async function enrolled(): Promise<WithTotp> {
  const owner = await withNewTotp();
  nextStep();
  const answer = await secondStep(await pendingToken(owner), { totp: await codeOf(owner.totp.secret) });
  expect(answer.status, answer.text).toBe(200);
  nextStep();
  const { access_token: accessToken, refresh_token: refreshToken, session_id: sessionId } = answer.json;
  return { ...owner, answer, accessToken, refreshToken, sessionId };
}

/** The first step of a login. Returns the token for the second step. */
export async function pendingToken({ email, password }: Person, more: object = {}, send?: Send): Promise<string> {
  const answer = await post("/api/v1/auth/login", { email, password, ...more }, {}, send);
  expect(answer.json.code, answer.text).toBe("second_factor_required");
  return answer.json.pending_token;
}

export const secondStep = (pending_token: string, proof: object, headers = {}, send?: Send) =>
  post("/api/v1/auth/second-factor", { pending_token, ...proof }, { headers }, send);

export const addEmailCodes = (bearer: string, body?: object, send?: Send) =>
  post("/api/v1/users/me/factors/email", body, { bearer }, send);

/** A person who has turned on codes by email, a moment ago. The tokens are of the login before that. */
export async function withEmailCodes(): Promise<LoggedIn & { factorId: string; recoveryCodes: string[] }> {
  const owner = await loggedIn();
  const added = await addEmailCodes(owner.accessToken);
  expect(added.status, added.text).toBe(201);
  await reported(owner);
  return { ...owner, factorId: added.json.id, recoveryCodes: added.json.recovery_codes };
}

export const sendEmailCode = (pending_token: string, headers = {}, send?: Send) =>
  post("/api/v1/auth/second-factor/email", { pending_token }, { headers }, send);

const CODE_SUBJECT = /^Your code to log in to Postern$/;

/** Asks for the code of a login. `count`: how many such emails the address has then. */
export async function emailedCode({ email }: Pick<Person, "email">, token: string, count = 1): Promise<string> {
  expect((await sendEmailCode(token)).status).toBe(202);
  const { text } = await mailAbout(email, CODE_SUBJECT, count);
  const code = /^Code: (\d{8})$/m.exec(text)?.[1] ?? "";
  neverLog(code);
  return code;
}
