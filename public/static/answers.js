/**
 * The API's answers, reduced to what the pages need. `status` is 0 if the server could not be reached.
 * @template [Data=any]
 * @typedef {{ ok: boolean, status: number, code?: string | undefined, faults: Faults, retryAfterSeconds: number,
 *   requestId: string, etag: string, data: Data }} Answer
 */
/** @typedef {{ field: string, code: string, message: string }} Fault */
/** @typedef {Record<string, Fault | undefined>} Faults by the name of the field */
import { words } from "./words.js";

const REQUEST_TIMEOUT_MILLISECONDS = 20_000;

/**
 * Posts JSON, without credentials.
 * @param {string} path
 * @param {object} body
 * @returns {Promise<Answer>}
 */
export function post(path, body) {
  // `AbortSignal.timeout` is missing before Safari 16.
  const controller = new AbortController();
  setTimeout(() => controller.abort(), REQUEST_TIMEOUT_MILLISECONDS);
  const init = { ...withJson("POST", body), signal: controller.signal };
  return answerTo(() => fetch(path, { ...init, credentials: "omit" }));
}

/** @param {string} method @param {object} body */
export function withJson(method, body) {
  return {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json, application/problem+json" },
    body: JSON.stringify(body),
  };
}

/**
 * @param {() => Promise<Response>} ask
 * @returns {Promise<Answer>}
 */
export async function answerTo(ask) {
  try {
    const response = await ask();
    // A proxy may answer with something other than JSON. That is a failure, even with status 200.
    const data = response.status === 204 ? {} : await response.json().catch(() => undefined);
    return {
      ok: response.ok && data !== undefined,
      status: response.status,
      code: data?.code,
      faults: byField(data?.errors),
      retryAfterSeconds: Number(response.headers.get("Retry-After")) || 0,
      requestId: response.headers.get("X-Request-Id") ?? "",
      etag: response.headers.get("ETag") ?? "",
      data,
    };
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Turns an error into an answer.
 * @param {any} error a `PosternError` of the client, or an error of `fetch`
 * @returns {Answer}
 */
export function failureOf({ status = 0, code, errors, retryAfter = 0, requestId = "", ...login }) {
  const { pendingToken, enrolmentToken, factors, reason } = login;
  // With these codes, the error has data: what the next step of the login or reauthentication needs, or why a passkey
  // was refused.
  const isLogin = /^(second_factor_(enrolment_)?required|invalid_passkey)$/.test(code);
  const data = isLogin ? { pendingToken, enrolmentToken, factors, reason } : undefined;
  return { ok: false, status, code, faults: byField(errors), retryAfterSeconds: retryAfter, requestId, etag: "", data };
}

/**
 * If a field has several faults, the first one counts.
 * @param {unknown} errors
 * @returns {Faults}
 */
export function byField(errors) {
  const faults = Array.isArray(errors) ? errors : [];
  // `fromEntries` keeps the last value of a key, so the order is reversed.
  return Object.fromEntries(faults.map((fault) => [fault.field, fault]).reverse());
}

/**
 * Says what is wrong with a field, in the page's language. Falls back to the server's message.
 * @param {Fault | undefined} fault
 */
export function faultWords(fault) {
  if (!fault) {
    return "";
  }
  const field = /password$/.test(fault.field) ? "password" : fault.field;
  /** @type {Record<string, string>} */
  const texts = words.forms.faults;
  return texts[`${field}.${fault.code}`] ?? fault.message;
}
