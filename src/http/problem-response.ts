/** Turns a refusal into a problem document (RFC 9457). */
import type { Context } from "hono";
import type { Refusal } from "../platform/refusal.ts";
import { type ErrorCode, PROBLEMS, problemType, statusOf } from "./problems.ts";

/** The default `Retry-After` of 429 and 503 responses, in seconds. */
const RETRY_SOON = "1";

/** `isLoggedIn`: whether the endpoint takes an access token. */
export function answerProblem(c: Context, { code, details }: Refusal<ErrorCode>, isLoggedIn = false): Response {
  const { title, detail } = PROBLEMS[code];
  const status = statusOf(code, isLoggedIn);
  c.set("errorCode", code);
  if (details.userId !== undefined) c.set("userId", details.userId);
  c.header("Content-Type", "application/problem+json");
  c.header("Cache-Control", "no-store");
  if (status === 401 || code === "forbidden") {
    c.header("WWW-Authenticate", bearerChallenge(code));
  }
  if (status === 429 || status === 503) c.header("Retry-After", RETRY_SOON);
  for (const [name, value] of Object.entries(details.headers ?? {})) c.header(name, value);
  const document = {
    type: problemType(code),
    title,
    status,
    detail,
    code,
    request_id: c.get("requestId"),
    errors: details.errors,
    ...details.members,
  };
  return c.body(JSON.stringify(document), status);
}

/**
 * The challenge that every 401 must have (RFC 9110 §15.5.2). The challenge names an error only if the client's access
 * token is invalid, or if the token's user lacks a permission (RFC 6750 §3.1).
 */
function bearerChallenge(code: ErrorCode): string {
  const error = BEARER_ERRORS[code];
  return error === undefined ? 'Bearer realm="postern"' : `Bearer realm="postern", error="${error}"`;
}

const BEARER_ERRORS: Partial<Record<ErrorCode, string>> = {
  invalid_access_token: "invalid_token",
  forbidden: "insufficient_scope",
};
