/** Describes the refusals of endpoints in the OpenAPI document: problem documents (RFC 9457). */
import type { Endpoint } from "../endpoint/endpoint.ts";
import { PROOF_KINDS } from "../factors/factor.ts";
import { type ErrorCode, PROBLEMS, problemType } from "../http/problems.ts";
import { isGuarded } from "../http/request-origin.ts";

/** JSON values. `JSON.stringify` leaves out members that are `undefined`. */
export type Json = string | number | boolean | null | undefined | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** Examples of the additional members that problem documents with these codes have. */
const EXAMPLE_MEMBERS: Partial<Record<ErrorCode, JsonObject>> = {
  reauthentication_required: { max_age: 900 },
  second_factor_enrolment_required: {
    factors: ["totp", "passkey"],
    enrolment_token: "pet_9sVk…",
    expires_in: 900,
  },
  second_factor_required: { factors: ["totp", "recovery_code"], pending_token: "ppt_mUx3…", expires_in: 600 },
};

const EXAMPLE_REQUEST_ID = "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071";

/** Every code that an endpoint can answer with: its own codes, and those of the middleware that runs before it. */
export function refusalsOf(endpoint: Endpoint): ErrorCode[] {
  const codes = new Set<ErrorCode>(endpoint.refusals);
  if (endpoint.query !== undefined) codes.add("validation_failed");
  // The middleware reads or limits a body even if the endpoint doesn't need one.
  if (endpoint.method !== "get") for (const code of ["invalid_json", "payload_too_large"] as const) codes.add(code);
  if (endpoint.body !== undefined) {
    for (const code of ["unsupported_media_type", "validation_failed"] as const) codes.add(code);
  }
  for (const code of ["https_required", "misdirected_request", "rate_limited", "internal_error"] as const) {
    codes.add(code);
  }
  codes.add("unavailable");
  if (isGuarded(endpoint.path)) codes.add("origin_not_allowed");
  return [...codes];
}

/** The content of a response with this status and one of these codes. */
export function problemContent(status: number, codes: readonly ErrorCode[]): JsonObject {
  return {
    schema: {
      allOf: [
        { $ref: "#/components/schemas/Problem" },
        { type: "object", properties: { status: { const: status }, code: { enum: [...codes] } } },
      ],
    },
    examples: Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code, status) }])),
  };
}

/** The schema of every problem document. */
export function problemSchema(): JsonObject {
  const text = (description: string) => ({ type: "string", description });
  return {
    type: "object",
    description: "An error (RFC 9457).",
    required: ["type", "title", "status", "detail", "code", "request_id"],
    additionalProperties: false,
    properties: {
      type: text("The code as a URN."),
      title: text("The kind of problem, in a few words."),
      status: { type: "integer" },
      detail: text("What is wrong, and how to fix it."),
      code: { type: "string", enum: Object.keys(PROBLEMS), description: "Stable. Clients branch on it." },
      request_id: text("Identifies the request in the logs."),
      max_age: {
        type: "integer",
        description: "With `reauthentication_required`: how many seconds ago the user may have proved who they are.",
      },
      acr_values: text(
        "With `reauthentication_required`: the level that the login must have had. `aal2`: with a second factor.",
      ),
      reason: text(
        "With `invalid_passkey`, at a login: `unknown_credential` if the service doesn't have this passkey. Otherwise absent.",
      ),
      factors: {
        type: "array",
        items: { type: "string", enum: [...PROOF_KINDS] },
        description:
          "With `second_factor_required`: what can prove a second factor. With `second_factor_enrolment_required`, at a login: what can be set up.",
      },
      pending_token: text("With `second_factor_required`: send it with the second factor."),
      enrolment_token: text("With `second_factor_enrolment_required`, at a login: send it to set up a second factor."),
      expires_in: { type: "integer", description: "Seconds until that token expires." },
      errors: {
        type: "array",
        description: "The fields that were refused.",
        items: {
          type: "object",
          required: ["field", "code", "message"],
          additionalProperties: false,
          properties: {
            field: text("The path in the body, with dots."),
            code: text("Stable."),
            message: text("How to fix it."),
          },
        },
      },
    },
  };
}

function exampleProblem(code: ErrorCode, status: number): JsonObject {
  const { title, detail } = PROBLEMS[code];
  const errors =
    code === "validation_failed"
      ? [
          {
            field: "email",
            code: "invalid_format",
            message: "Enter a valid email address, like ada@example.com.",
          },
        ]
      : undefined;
  const request_id = EXAMPLE_REQUEST_ID;
  return { type: problemType(code), title, status, detail, code, request_id, errors, ...EXAMPLE_MEMBERS[code] };
}
