/**
 * Refusals: a fixed set of codes, and the table that maps each code to a problem document (RFC 9457). Clients read the
 * `code`; `title` and `detail` are for people.
 */
import { isRefusal, type Refusal } from "../platform/refusal.ts";

interface Problem {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 421 | 422 | 429 | 500 | 503;
  /**
   * The status for a client whose access token is valid. A 401 would tell the client that its token is invalid (RFC
   * 9110 §15.5.2).
   */
  statusIfLoggedIn?: 403;
  title: string;
  detail: string;
}

export const PROBLEMS = {
  invalid_json: { status: 400, title: "Invalid JSON", detail: "The body is not valid JSON." },
  invalid_token: {
    status: 400,
    title: "Invalid link",
    detail: "This link is not valid, or a newer link has replaced it. Request a new one.",
  },
  expired_token: { status: 400, title: "Expired link", detail: "This link has expired. Request a new one." },
  unauthorized: {
    status: 401,
    title: "Not logged in",
    detail: "Send an access token as `Authorization: Bearer <access_token>`.",
  },
  invalid_access_token: {
    status: 401,
    title: "Invalid access token",
    detail: "The access token has expired, was revoked or was not issued by this service. Refresh it, or log in again.",
  },
  invalid_credentials: { status: 401, title: "Wrong credentials", detail: "Wrong email, username or password." },
  invalid_refresh_token: {
    status: 401,
    title: "Invalid refresh token",
    detail: "The refresh token has expired, its session has ended, or it was not issued by this service. Log in again.",
  },
  refresh_token_reused: {
    status: 401,
    title: "Refresh token reused",
    detail: "This refresh token was used before, so it may have been stolen. Its session has ended. Log in again.",
  },
  refresh_token_superseded: {
    status: 401,
    title: "Refresh token superseded",
    detail:
      "The session was reauthenticated with another factor, which replaced this refresh token. Use the newer one.",
  },
  invalid_pending_token: {
    status: 401,
    title: "Login expired",
    detail: "The `pending_token` has expired, was used, or was not issued by this service. Log in again.",
  },
  invalid_enrolment_token: {
    status: 401,
    title: "Enrolment expired",
    detail:
      "The `enrolment_token` has expired, was used, was not issued by this service, or the account has changed since. Log in again.",
  },
  invalid_login_code: {
    status: 401,
    title: "Wrong login code",
    detail: "The browser in which the link was requested shows another code. Enter that code.",
  },
  invalid_factor: {
    status: 401,
    statusIfLoggedIn: 403,
    title: "Wrong code",
    detail: "The code is wrong, was used before, or is too old. Wait for the next one, and try again.",
  },
  invalid_passkey: {
    status: 401,
    statusIfLoggedIn: 403,
    title: "Passkey not accepted",
    detail:
      "The passkey is unknown, or the browser's response is invalid or came too late. Try again, or use another method.",
  },
  login_code_required: {
    status: 403,
    title: "Login code required",
    detail:
      "Another browser asked for this link. Send the `code` that is shown there, or open the link in that browser.",
  },
  second_factor_required: {
    status: 403,
    title: "Second factor required",
    detail:
      "The password or the link is right, and the account has a second factor. Log in: send the `pending_token` and a code of one of the `factors` to `/api/v1/auth/second-factor`. Reauthenticate: send a code instead of the password.",
  },
  second_factor_enrolment_required: {
    status: 403,
    title: "Second factor must be set up",
    detail:
      "The account must have a second factor, and has none. At a login: send the `enrolment_token` to the routes under `/api/v1/auth/enrolment`. With an access token: add a factor at `/api/v1/users/me/factors`, and reauthenticate with it.",
  },
  second_factor_lost: {
    status: 403,
    title: "Second factor lost",
    detail:
      "The account has a second factor that the service no longer knows, for example because a backup was restored. Ask an administrator to remove it.",
  },
  email_not_verified: {
    status: 403,
    title: "Email not verified",
    detail: "Verify the email address first: open the link in the verification email, or request a new one.",
  },
  account_disabled: { status: 403, title: "Account disabled", detail: "This account has been disabled." },
  wrong_password: { status: 403, title: "Wrong password", detail: "That is not the current password." },
  reauthentication_required: {
    status: 403,
    title: "Reauthentication required",
    detail:
      "Prove again who you are: the last time was more than `max_age` seconds ago, or did not reach the level in `acr_values` of this response. POST /api/v1/auth/reauthenticate, and repeat the request with the new access token.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    detail: "Your role does not allow this, or does not allow it for this user.",
  },
  invitation_required: {
    status: 403,
    title: "Invitation required",
    detail: "Registration is by invitation only. Ask an administrator for an invitation.",
  },
  registration_closed: {
    status: 403,
    title: "Registration closed",
    detail: "New accounts are not accepted at the moment. Existing users can log in.",
  },
  challenge_failed: {
    status: 403,
    title: "Challenge failed",
    detail:
      "The challenge was not solved, has expired or was already used. Solve it again and send the new `turnstile_token`.",
  },
  origin_not_allowed: {
    status: 403,
    title: "Origin not allowed",
    detail:
      "The request came from an origin that is not allowed, or used the session cookie without an allowed `Origin`. Add the page's origin to ALLOWED_ORIGINS.",
  },
  https_required: { status: 403, title: "HTTPS required", detail: "Send this request over HTTPS." },
  not_found: {
    status: 404,
    title: "Not found",
    detail: "There is nothing at this path, or the resource does not exist.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    detail: "This path does not support the method. The `Allow` header lists the methods that it supports.",
  },
  username_taken: { status: 409, title: "Username taken", detail: "This username is taken. Choose another." },
  email_taken: {
    status: 409,
    title: "Email taken",
    detail: "Another account is now using this email address. Use a different one.",
  },
  invitation_used: {
    status: 409,
    title: "Invitation used",
    detail: "The email address of this invitation already has an account. Log in, or reset the password.",
  },
  too_many_factors: {
    status: 409,
    title: "Too many factors",
    detail: "The account has the maximum number of second factors. Remove one first.",
  },
  email_factor_not_allowed: {
    status: 409,
    title: "Codes by email not allowed",
    detail:
      "Codes by email are for accounts that have a password and no other second factor, and are not required to have one. Add an authenticator app or a passkey instead.",
  },
  last_factor: {
    status: 409,
    title: "Last second factor",
    detail: "The account must have a second factor, and this is the only one. Add another one first.",
  },
  last_login_method: {
    status: 409,
    title: "Last login method",
    detail:
      "Without this, the account would have neither a password nor a passkey, and its user could not log in. Set a password or add a passkey first.",
  },
  last_superuser: {
    status: 409,
    title: "Last superuser",
    detail: "This is the only active superuser. Make someone else a superuser first.",
  },
  precondition_failed: {
    status: 412,
    title: "Changed since you read it",
    detail: "This has changed since you read it. Read it again, and send the new ETag.",
  },
  payload_too_large: { status: 413, title: "Body too large", detail: "A request body can have at most 64 KiB." },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    detail: "Send the body as `Content-Type: application/json`.",
  },
  misdirected_request: {
    status: 421,
    title: "Misdirected request",
    detail: "With ENVIRONMENT=development, the service only answers on localhost.",
  },
  validation_failed: { status: 422, title: "Validation failed", detail: "Some fields need correcting: see `errors`." },
  rate_limited: {
    status: 429,
    title: "Too many requests",
    detail: "Wait for the number of seconds in `Retry-After`, then try again.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    detail: "Something went wrong. If you contact support, include the request id.",
  },
  busy: {
    status: 503,
    title: "Busy",
    detail: "Too many passwords are being checked at the moment. Try again shortly.",
  },
  unavailable: {
    status: 503,
    title: "Unavailable",
    detail: "A component that this request needs is not responding. Try again in a moment.",
  },
} as const satisfies Record<string, Problem>;

export type ErrorCode = keyof typeof PROBLEMS;

/** The status of a refusal. `isLoggedIn`: whether the endpoint takes an access token. */
export function statusOf(code: ErrorCode, isLoggedIn: boolean): Problem["status"] {
  const { status, statusIfLoggedIn }: Problem = PROBLEMS[code];
  return (isLoggedIn ? statusIfLoggedIn : undefined) ?? status;
}

/** Whether an outcome is a refusal whose code is in the table. */
export function isProblem(outcome: unknown): outcome is Refusal<ErrorCode> {
  return isRefusal(outcome) && Object.hasOwn(PROBLEMS, outcome.code);
}

/** The stable `type` of a problem. This is a URN, so it doesn't depend on the address of the documentation. */
export function problemType(code: ErrorCode): string {
  return `urn:postern:problem:${code}`;
}
