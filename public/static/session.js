/** The session of the hosted pages. The refresh token is in a cookie that scripts can't read. */
import { answerTo, failureOf, withJson } from "./answers.js";
import { createClient } from "./client.js";
import { language } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

/** Asks the user to prove again who they are. Only the account page can ask: on other pages, the request fails. */
let askAgain = async () => false;

export const client = createClient({
  baseUrl: location.origin,
  mode: "cookie",
  onReauthenticationRequired: () => askAgain(),
});

/**
 * Sets the function that asks the user to prove again who they are, and returns whether the user did.
 * @param {() => Promise<boolean>} asks
 */
export function whenReauthenticationIsRequired(asks) {
  askAgain = asks;
}

/** @param {import("./client.js").ReauthenticateBody} proof */
export function proveAgain(proof) {
  return answerOf(client.reauthenticate(proof));
}

/** @param {import("./client.js").LoginBody} credentials */
export function logIn(credentials) {
  return answerOf(client.login(credentials));
}

/** @param {import("./client.js").SecondFactor} proof */
export function proveSecondFactor(proof) {
  return answerOf(client.proveSecondFactor(proof));
}

/** @param {{ pendingToken: string }} login */
export function sendSecondFactorCode(login) {
  return answerOf(client.sendSecondFactorCode(login));
}

/** @param {import("./client.js").NewSecondFactor} factor */
export function setUpSecondFactor(factor) {
  return answerOf(client.setUpSecondFactor(factor));
}

/** @param {import("./client.js").PasskeyCredential} credential */
export function logInWithPasskey(credential) {
  return answerOf(client.loginWithPasskey(credential));
}

/** @param {import("./client.js").EmailLoginBody} body */
export function requestEmailLogin(body) {
  return answerOf(client.requestEmailLogin(body));
}

/** @param {import("./client.js").EmailLink} link */
export function logInWithEmail(link) {
  return answerOf(client.loginWithEmail(link));
}

/** Restores the session of the cookie. The answer's `data` says whether there is one. */
export function restoreSession() {
  return answerOf(client.refresh());
}

export function logOut() {
  return answerOf(client.logout());
}

/**
 * Turns the outcome of a client method into an answer.
 * @param {Promise<unknown>} outcome
 * @returns {Promise<Answer>}
 */
async function answerOf(outcome) {
  try {
    const data = await outcome;
    return { ok: true, status: 200, faults: {}, retryAfterSeconds: 0, requestId: "", etag: "", data };
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Calls the API with the user's session. Without a session, redirects to the log-in page, and never resolves.
 * @param {string} method
 * @param {string} path
 * @param {object | undefined} body
 * @param {Record<string, string>} headers
 * @returns {Promise<Answer>}
 */
export async function ask(method, path, body = undefined, headers = {}) {
  const init = body === undefined ? { method, headers: {} } : withJson(method, body);
  const answer = await answerTo(() => client.fetch(path, { ...init, headers: { ...init.headers, ...headers } }));
  if (answer.status === 401) {
    goToLogin();
    return new Promise(() => {});
  }
  return answer;
}

/** Redirects to the log-in page, which leads back to the account. @param {"" | "#logged-out"} news to show there */
export function goToLogin(news = "") {
  location.replace(`/login?lang=${language}&return_to=/account${news}`);
}
