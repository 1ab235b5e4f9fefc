/**
 * What the API answers, reduced to what the pages decide on: `status` is 0 where no answer came.
 * @typedef {{ ok: boolean, status: number, code?: string, faults: Record<string, Fault>, retryAfterSeconds: number,
 *   requestId: string, etag?: string, data?: any }} Answer
 * @typedef {{ field: string, code: string, message: string }} Fault
 */
import { words } from "./words.js";

const REQUEST_TIMEOUT_MILLISECONDS = 20_000;

/**
 * Posts JSON, with no credentials.
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @returns {Promise<Answer>}
 */
export function post(path, body) {
  return answerTo(() =>
    fetch(path, {
      ...withJson("POST", body),
      credentials: "omit",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MILLISECONDS),
    }),
  );
}

/** @param {string} method @param {Record<string, unknown>} body */
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
    // A proxy on the way may answer with something else than JSON, which is no success whatever its status.
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
 * What was thrown, as an answer: by the client, whose refresh was refused, or by `fetch`, to which no answer came.
 * @param {any} error
 * @returns {Answer}
 */
export function failureOf({ status = 0, code, errors, retryAfter = 0, requestId = "" }) {
  return { ok: false, status, code, faults: byField(errors), retryAfterSeconds: retryAfter, requestId };
}

/**
 * Of several faults of one field the first is shown: the last that is set of a name stays.
 * @param {unknown} errors
 */
export function byField(errors) {
  const faults = Array.isArray(errors) ? errors : [];
  return Object.fromEntries(faults.toReversed().map((fault) => [fault.field, fault]));
}

/**
 * What is wrong with a field, in the page's language; what the page has no words for, in the server's.
 * @param {Fault | undefined} fault
 */
export function faultWords(fault) {
  if (!fault) {
    return "";
  }
  const field = /password$/.test(fault.field) ? "password" : fault.field;
  return words.forms.faults[`${field}.${fault.code}`] ?? fault.message;
}
