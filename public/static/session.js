/** The session of whoever is logged in on these pages: a refresh token that no script sees, and a client that uses it. */
import { answerTo, failureOf, withJson } from "./answers.js";
import { createClient } from "./client.js";
import { language } from "./words.js";

export const client = createClient({ baseUrl: location.origin, mode: "cookie" });

/**
 * @param {{ email?: string, username?: string, password: string, turnstile_token?: string }} credentials
 * @returns {Promise<import("./answers.js").Answer>}
 */
export function logIn(credentials) {
  return answerOf(client.login(credentials));
}

/** @returns {Promise<import("./answers.js").Answer>} */
export function logOut() {
  return answerOf(client.logout());
}

/**
 * What the client throws, as an answer like any other.
 * @param {Promise<unknown>} outcome
 */
async function answerOf(outcome) {
  try {
    return { ok: true, status: 200, faults: {}, retryAfterSeconds: 0, requestId: "", data: await outcome };
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Asks the API as whoever is logged in. Whoever no longer is, is sent to log in; then there is no answer.
 * @param {string} method
 * @param {string} path
 * @param {Record<string, unknown> | undefined} body
 * @param {Record<string, string>} headers
 */
export async function ask(method, path, body = undefined, headers = {}) {
  const init = body === undefined ? { method } : withJson(method, body);
  const answer = await answerTo(() => client.fetch(path, { ...init, headers: { ...init.headers, ...headers } }));
  if (answer.status === 401) {
    goToLogin();
    return new Promise(() => {});
  }
  return answer;
}

/** Leaves for the page to log in on, which leads back. */
export function goToLogin() {
  location.replace(`/login?lang=${language}&return_to=/account`);
}
