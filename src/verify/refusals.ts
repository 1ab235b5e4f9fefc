/** Refusals in other Workers, identical to Postern's own, so that a client can handle both in the same way. */
const REFUSALS = {
  unauthorized: {
    status: 401,
    title: "Not logged in",
    detail: "Send an access token as `Authorization: Bearer <access_token>`.",
    challenge: 'Bearer realm="postern"',
  },
  invalid_access_token: {
    status: 401,
    title: "Invalid access token",
    detail: "The access token has expired, was revoked or was not issued by this service. Refresh it, or log in again.",
    challenge: 'Bearer realm="postern", error="invalid_token"',
  },
  insufficient_user_authentication: {
    status: 401,
    title: "Another login required",
    detail:
      "Authenticate again, as `acr_values` and `max_age` demand, and repeat the request with the new access token: see POST /api/v1/auth/reauthenticate.",
    challenge: 'Bearer realm="postern", error="insufficient_user_authentication"',
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    detail: "Your role does not allow this.",
    challenge: 'Bearer realm="postern", error="insufficient_scope"',
  },
  unavailable: {
    status: 503,
    title: "Unavailable",
    detail: "A component that this request needs is not responding. Try again in a moment.",
    challenge: undefined,
  },
} as const;

/**
 * The problem document of a refusal (RFC 9457), with its challenge. `reason`, if given, tells the developer more (RFC
 * 6750 §3). `parameters` are both in the challenge (RFC 9470 §3) and in the document.
 */
export function answerRefusal(
  code: keyof typeof REFUSALS,
  reason?: string,
  parameters: Readonly<Record<string, string | number>> = {},
): Response {
  const { status, title, detail, challenge } = REFUSALS[code];
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  const more = Object.entries({ ...(reason !== undefined && { error_description: reason }), ...parameters });
  const written = more.map(([name, value]) => `, ${name}="${value}"`).join("");
  if (challenge !== undefined) headers.set("WWW-Authenticate", challenge + written);
  if (status === 503) headers.set("Retry-After", "1");
  const document = { type: `urn:postern:problem:${code}`, title, status, detail, code, ...parameters };
  return new Response(JSON.stringify(document), { status, headers });
}
