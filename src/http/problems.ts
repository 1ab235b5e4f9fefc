/**
 * Refusals: one closed set of codes, one table that turns a code into an HTTP answer (RFC 9457).
 * Clients branch on `code`; the other members are for people.
 */
import { isRefusal, type Refusal } from "../platform/refusal.ts";

interface Problem {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 421 | 422 | 429 | 500 | 503;
  title: string;
  detail: string;
}

export const PROBLEMS = {
  invalid_json: { status: 400, title: "Broken JSON", detail: "The body is not valid JSON." },
  invalid_token: {
    status: 400,
    title: "Invalid link",
    detail: "This link is not valid, or something newer has taken its place. Ask for a new one.",
  },
  expired_token: { status: 400, title: "Expired link", detail: "This link has expired. Ask for a new one." },
  unauthorized: {
    status: 401,
    title: "Not signed in",
    detail: "This needs an access token: send it as `Authorization: Bearer <access_token>`.",
  },
  invalid_access_token: {
    status: 401,
    title: "Invalid access token",
    detail: "The access token has expired, has been revoked or is not one of ours. Refresh it, or log in again.",
  },
  invalid_credentials: { status: 401, title: "Wrong credentials", detail: "The name or the password is wrong." },
  invalid_refresh_token: {
    status: 401,
    title: "Invalid refresh token",
    detail: "The refresh token has expired, its session has ended, or it is not one of ours. Log in again.",
  },
  refresh_token_reused: {
    status: 401,
    title: "Refresh token reused",
    detail: "This refresh token was already replaced, which may mean theft. Its session has ended. Log in again.",
  },
  email_not_verified: {
    status: 403,
    title: "Address not verified",
    detail: "Verify the email address first: follow the link in the mail, or ask for a new one.",
  },
  account_disabled: { status: 403, title: "Account disabled", detail: "This account has been disabled." },
  wrong_password: { status: 403, title: "Wrong password", detail: "The current password is wrong." },
  forbidden: {
    status: 403,
    title: "Forbidden",
    detail: "Your role does not allow this, or not on this person. Ask somebody with a higher one.",
  },
  invitation_required: {
    status: 403,
    title: "By invitation",
    detail: "Registration is by invitation here. Ask whoever runs the place for one: its link comes by mail.",
  },
  registration_closed: {
    status: 403,
    title: "Registration closed",
    detail: "Nobody can register here at the moment. Whoever has an account can log in.",
  },
  challenge_failed: {
    status: 403,
    title: "Challenge failed",
    detail:
      "The challenge was not solved, or too long ago, or was used already. Solve it again, and send `turnstile_token`.",
  },
  origin_not_allowed: {
    status: 403,
    title: "Origin not allowed",
    detail:
      "This came from a page of an origin that is not allowed, or with the session cookie and no allowed `Origin`. Send it from the service's own pages, or list the page's origin in ALLOWED_ORIGINS.",
  },
  https_required: { status: 403, title: "HTTPS required", detail: "Send this request over https." },
  not_found: { status: 404, title: "Not found", detail: "There is nothing here." },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    detail: "This address answers other methods: see `Allow`.",
  },
  username_taken: { status: 409, title: "Username taken", detail: "Somebody else has this username. Choose another." },
  email_taken: {
    status: 409,
    title: "Address taken",
    detail: "Another account has this address by now. Use another one.",
  },
  invitation_used: {
    status: 409,
    title: "Invitation used",
    detail: "The address of this invitation has an account already. Log in, or ask for a new password.",
  },
  last_superuser: {
    status: 409,
    title: "Last superuser",
    detail: "This is the last active superuser. Make somebody else one first.",
  },
  precondition_failed: {
    status: 412,
    title: "Changed meanwhile",
    detail: "Somebody changed this since you read it: read it again, and then change it with the new ETag.",
  },
  payload_too_large: { status: 413, title: "Body too large", detail: "A request body holds at most 64 KiB." },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    detail: "Send the body as `Content-Type: application/json`.",
  },
  misdirected_request: {
    status: 421,
    title: "Misdirected request",
    detail: "ENVIRONMENT=development answers on localhost alone.",
  },
  validation_failed: { status: 422, title: "Validation failed", detail: "Some fields need mending: see `errors`." },
  rate_limited: { status: 429, title: "Too many requests", detail: "Wait for as long as `Retry-After` says." },
  internal_error: {
    status: 500,
    title: "Internal error",
    detail: "Something went wrong here. The request id names it in our logs.",
  },
  busy: { status: 503, title: "Busy", detail: "Too many passwords are being checked. Try again in a moment." },
  unavailable: {
    status: 503,
    title: "Unavailable",
    detail: "A part that this request needs does not answer. Try again in a moment.",
  },
} as const satisfies Record<string, Problem>;

export type ErrorCode = keyof typeof PROBLEMS;

/** Whether an outcome is a refusal that has an answer in the table. */
export function isProblem(outcome: unknown): outcome is Refusal<ErrorCode> {
  return isRefusal(outcome) && Object.hasOwn(PROBLEMS, outcome.code);
}

/** The stable `type` of a problem: a URN, since it must outlive any address of the documentation. */
export function problemType(code: ErrorCode): string {
  return `urn:postern:problem:${code}`;
}
