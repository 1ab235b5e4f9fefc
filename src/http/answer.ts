/** Turns a refusal into its problem document (RFC 9457). */
import type { Context } from "hono";
import { type ErrorCode, PROBLEMS, problemType, type Refusal } from "./problems.ts";

/** Seconds after which a client may try again when nothing better is known. */
const RETRY_SOON = "1";

export function answerProblem(c: Context, refusal: Refusal): Response {
  const { status, title, detail } = PROBLEMS[refusal.refused];
  c.set("errorCode", refusal.refused);
  if (refusal.userId !== undefined) c.set("userId", refusal.userId);
  c.header("Content-Type", "application/problem+json");
  c.header("Cache-Control", "no-store");
  if (status === 401 || refusal.refused === "forbidden") {
    c.header("WWW-Authenticate", bearerChallenge(refusal.refused));
  }
  if (status === 429 || status === 503) c.header("Retry-After", RETRY_SOON);
  for (const [name, value] of Object.entries(refusal.headers ?? {})) c.header(name, value);
  const document = {
    type: problemType(refusal.refused),
    title,
    status,
    detail,
    code: refusal.refused,
    request_id: c.get("requestId"),
    errors: refusal.errors,
  };
  return c.body(JSON.stringify(document), status);
}

/**
 * Every 401 has one (RFC 9110 §15.5.2). It names an error only where an access token was sent: a bad one, or one
 * whose user lacks a permission (RFC 6750 §3.1).
 */
function bearerChallenge(code: ErrorCode): string {
  const error = BEARER_ERRORS[code];
  return error === undefined ? 'Bearer realm="postern"' : `Bearer realm="postern", error="${error}"`;
}

const BEARER_ERRORS: Partial<Record<ErrorCode, string>> = {
  invalid_access_token: "invalid_token",
  forbidden: "insufficient_scope",
};
