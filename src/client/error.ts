import type { ErrorCode, FactorKind, FieldError, Problem } from "./types.ts";

interface Details {
  status: number;
  code: PosternError["code"];
  detail: string;
  errors?: FieldError[];
  retryAfter?: number | undefined;
  requestId?: string | undefined;
  pendingToken?: string | undefined;
  enrolmentToken?: string | undefined;
  factors?: FactorKind[];
  expiresIn?: number | undefined;
  maxAge?: number | undefined;
  acrValues?: string | undefined;
  reason?: string | undefined;
}

/** A refusal by the service, or a missing answer. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /**
   * A stable code. `unexpected_answer`: the response did not come from the service; for example, it is an error page of
   * a proxy, or a redirect. `cookies_refused`: after a login in cookie mode, the browser did not keep the cookie.
   */
  readonly code: ErrorCode | "network_error" | "unexpected_answer" | "cookies_refused";
  /** What went wrong and how to fix it, as a text for people to read. */
  readonly detail: string;
  /** The refused fields; empty unless the code is `validation_failed`. */
  readonly errors: readonly FieldError[];
  /** The seconds to wait before another try, if the response names them in `Retry-After`. */
  readonly retryAfter: number | undefined;
  /** The id of the request in the service's logs. */
  readonly requestId: string | undefined;
  /**
   * Set if a login failed with `second_factor_required`: identifies the pending login. Pass it to
   * `client.proveSecondFactor`.
   */
  readonly pendingToken: string | undefined;
  /**
   * Set if a login failed with `second_factor_enrolment_required`: identifies the pending login. Pass it to
   * `client.setUpSecondFactor`.
   */
  readonly enrolmentToken: string | undefined;
  /**
   * With `second_factor_required`, the ways to prove the second factor. With `second_factor_enrolment_required`, the
   * factors that the user can set up. Empty with other codes.
   */
  readonly factors: readonly FactorKind[];
  /** Seconds until the `pendingToken` or the `enrolmentToken` expires. */
  readonly expiresIn: number | undefined;
  /** If a recent login is demanded: the most seconds that may have passed since the user proved who they are. */
  readonly maxAge: number | undefined;
  /** If a stronger login is demanded: its level. With `aal2`, ask for the second factor, not for the password. */
  readonly acrValues: string | undefined;
  /**
   * `unknown_credential` if a login failed with `invalid_passkey` because the service doesn't have this passkey. Then
   * call `PublicKeyCredential.signalUnknownCredential`.
   */
  readonly reason: string | undefined;

  constructor(details: Details, options?: { cause: unknown }) {
    super(details.detail, options);
    this.status = details.status;
    this.code = details.code;
    this.detail = details.detail;
    this.errors = details.errors ?? [];
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
    this.pendingToken = details.pendingToken;
    this.enrolmentToken = details.enrolmentToken;
    this.factors = details.factors ?? [];
    this.expiresIn = details.expiresIn;
    this.maxAge = details.maxAge;
    this.acrValues = details.acrValues;
    this.reason = details.reason;
  }
}

export function networkError(cause: unknown): PosternError {
  return new PosternError(
    { status: 0, code: "network_error", detail: "Could not reach the server. Check your connection and try again." },
    { cause },
  );
}

/** The error that the service returns for a request without an access token. */
export function notLoggedIn(): PosternError {
  return new PosternError({ status: 401, code: "unauthorized", detail: "Log in first." });
}

/**
 * Reads the error of a response from `client.fetch`. Never rejects. Consumes the body of the response. Also works for
 * your own API if it answers with problem documents (RFC 9457), as `postern/verify` does: their `code`, `detail` and
 * `errors` are passed on unchanged.
 */
export function readError(response: Response): Promise<PosternError> {
  return response.text().then((text) => errorOf(response, text), networkError);
}

/** The error that an unsuccessful response describes. */
export function errorOf(response: Response, text: string): PosternError {
  const { status, headers } = response;
  const seconds = Number.parseInt(headers.get("Retry-After") ?? "", 10);
  const { code, detail, errors, request_id, pending_token, enrolment_token, factors, expires_in, ...more } =
    readProblem(response, text);
  const { max_age, acr_values, reason } = more;
  return new PosternError({
    status,
    code: typeof code === "string" ? code : "unexpected_answer",
    detail: typeof detail === "string" ? detail : "The response did not come from the service. Try again in a moment.",
    errors: Array.isArray(errors) ? errors : [],
    retryAfter: Number.isNaN(seconds) ? undefined : seconds,
    requestId: typeof request_id === "string" ? request_id : (headers.get("X-Request-Id") ?? undefined),
    pendingToken: typeof pending_token === "string" ? pending_token : undefined,
    enrolmentToken: typeof enrolment_token === "string" ? enrolment_token : undefined,
    factors: Array.isArray(factors) ? factors : [],
    expiresIn: typeof expires_in === "number" ? expires_in : undefined,
    maxAge: typeof max_age === "number" ? max_age : undefined,
    acrValues: typeof acr_values === "string" ? acr_values : undefined,
    reason: typeof reason === "string" ? reason : undefined,
  });
}

function readProblem(response: Response, text: string): Partial<Problem> {
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return {};
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
