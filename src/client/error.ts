import type { ErrorCode, FieldError, Problem } from "./types.ts";

interface Details {
  status: number;
  code: PosternError["code"];
  detail: string;
  errors?: FieldError[];
  retryAfter?: number | undefined;
  requestId?: string | undefined;
}

/** The service's refusal, or its silence. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Stable. `unexpected_answer` is one that is not the service's own: a proxy's page, or a redirect. */
  readonly code: ErrorCode | "network_error" | "unexpected_answer";
  /** How to mend it, for people. */
  readonly detail: string;
  /** The fields that were refused; empty but for `validation_failed`. */
  readonly errors: readonly FieldError[];
  /** Seconds to wait, where the service says so. */
  readonly retryAfter: number | undefined;
  /** Names the request in the service's logs. */
  readonly requestId: string | undefined;

  constructor({ status, code, detail, errors = [], retryAfter, requestId }: Details, options?: { cause: unknown }) {
    super(detail, options);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = errors;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

export function networkError(cause: unknown): PosternError {
  return new PosternError(
    { status: 0, code: "network_error", detail: "No answer came. Check the connection, and try again." },
    { cause },
  );
}

/**
 * Reads what an answer of `client.fetch` was refused with. For your own API too, where it answers with problem documents
 * (RFC 9457), as `postern/verify` does: its `code`, `detail` and `errors` are passed on as they are. Never rejects; reads
 * the body, so nobody else can.
 */
export function readError(response: Response): Promise<PosternError> {
  return response.text().then((text) => errorOf(response, text), networkError);
}

/** What an answer says that is none of those that were hoped for. */
export function errorOf(response: Response, text: string): PosternError {
  const { status, headers } = response;
  const seconds = Number.parseInt(headers.get("Retry-After") ?? "", 10);
  const { code, detail, errors, request_id } = readProblem(response, text);
  return new PosternError({
    status,
    code: typeof code === "string" ? code : "unexpected_answer",
    detail: typeof detail === "string" ? detail : "This answer is not one of the service's. Try again in a moment.",
    errors: Array.isArray(errors) ? errors : [],
    retryAfter: Number.isNaN(seconds) ? undefined : seconds,
    requestId: typeof request_id === "string" ? request_id : (headers.get("X-Request-Id") ?? undefined),
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
