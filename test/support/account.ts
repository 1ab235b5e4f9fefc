/** The requests about a user's own account, as clients send them. */

import { expect } from "vitest";
import { type Call, expectProblem, get, ORIGIN, post, type Send } from "./client.ts";
import { neverLog } from "./logs.ts";
import { type LoggedIn, mailedToken, type Person, tokenAbout } from "./people.ts";

export const NEW_PASSWORD = "another fine password";

export const register = (person: object, send?: Send) => post("/api/v1/auth/register", person, {}, send);

export const verifyEmail = (token: string, send?: Send) => post("/api/v1/auth/verify-email", { token }, {}, send);

/** Logs in with the email address. The login may fail. */
export const tryLogin = ({ email, password }: Omit<Person, "username">, options: Call = {}, send?: Send) =>
  post("/api/v1/auth/login", { email, password }, options, send);

export const refresh = (refresh_token: string, send?: Send) =>
  post("/api/v1/auth/refresh", { refresh_token }, {}, send);

export const readMe = (bearer: string | undefined, send?: Send) => get("/api/v1/users/me", { bearer }, send);

export const logOut = (bearer: string, body?: { all: boolean }) => post("/api/v1/auth/logout", body, { bearer });

export const forgotPassword = (email: string) => post("/api/v1/auth/forgot-password", { email });

export const resetPassword = (token: string, new_password = NEW_PASSWORD, options?: Call) =>
  post("/api/v1/auth/reset-password", { token, new_password }, options);

export const changePassword = ({ accessToken, password }: LoggedIn, new_password = NEW_PASSWORD, options?: Call) =>
  post(
    "/api/v1/users/change-password",
    { current_password: password, new_password },
    { bearer: accessToken, ...options },
  );

/** Asks for a password reset link, and returns its token. `emails`: how many emails the address then has in all. */
export async function recoveryToken({ email }: { email: string }, emails = 2): Promise<string> {
  expect((await forgotPassword(email)).status).toBe(202);
  return mailedToken(email, emails);
}

/** Expects that the service refuses both tokens of a session. */
export async function expectEnded({ accessToken, refreshToken }: Pick<LoggedIn, "accessToken" | "refreshToken">) {
  expectProblem(await readMe(accessToken), 401, "invalid_access_token");
  expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
}

const LOGIN_SUBJECT = /^Log in to Postern$/;

/** Asks for a login link. Returns the answer, the code, and for a browser the cookie that identifies the browser. */
export async function askForLink(email: string, body: object = {}, options?: Call) {
  const answer = await post("/api/v1/auth/email-login", { email, ...body }, options);
  expect(answer.status, answer.text).toBe(202);
  const code = String(answer.json.login_code);
  neverLog(code);
  return { answer, code, cookie: answer.headers.get("Set-Cookie")?.split(";")[0] ?? "" };
}

/** Asks for a login link. Returns its token and its code. `count`: how many login emails the address then has. */
export async function loginLink({ email }: { email: string }, count = 1) {
  const { code } = await askForLink(email);
  return { token: await tokenAbout(email, LOGIN_SUBJECT, count), code };
}

/** Asks for a login link as a browser does, and also returns its cookie. `count`: as for `loginLink`. */
export async function linkOfBrowser({ email }: { email: string }, count = 1) {
  const { code, cookie } = await askForLink(email, { cookie: true }, { headers: { Origin: ORIGIN } });
  return { code, cookie, token: await tokenAbout(email, LOGIN_SUBJECT, count) };
}

export const logInByLink = (body: object, options?: Call, send?: Send) =>
  post("/api/v1/auth/email-login/confirm", body, options, send);
