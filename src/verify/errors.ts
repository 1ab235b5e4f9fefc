/**
 * Why a token is not accepted. Callers branch on the code. The message is for logs and contains no part of the token.
 */

/** Something is wrong with the token. The client has to refresh it or log in again. */
export type TokenFault =
  /** Not a JWT of the profile that Postern signs (RFC 9068): wrong format, `typ`, algorithm or encoding. */
  | "malformed_token"
  /** The issuer publishes no key with this id. */
  | "unknown_key"
  | "invalid_signature"
  | "wrong_issuer"
  | "wrong_audience"
  /** A claim is missing or has the wrong type, or the token was issued in the future. */
  | "invalid_claims"
  | "expired_token"
  /** The session has ended, or the user's role has changed. */
  | "revoked_token";

/** The token could not be checked. It may be valid: try again later. */
export type VerifierFault =
  /** The issuer's keys are not known yet, and the issuer does not answer. */
  | "keys_unavailable"
  /** KV does not answer, so it is unknown whether the token was revoked. */
  | "revocations_unavailable"
  /** The strict check was requested, and Postern does not answer. */
  | "strict_answer_unavailable";

export type VerificationErrorCode = TokenFault | VerifierFault;

const MESSAGES: Readonly<Record<VerificationErrorCode, string>> = {
  malformed_token: "This is not an access token.",
  unknown_key: "The issuer publishes no key that verifies this token.",
  invalid_signature: "The signature does not match the token.",
  wrong_issuer: "The token was issued by another issuer. Set `issuer` to exactly Postern's PUBLIC_URL.",
  wrong_audience: "The token is for another audience. Set `audience` to Postern's JWT_AUDIENCE.",
  invalid_claims: "A claim of the token is missing or invalid.",
  expired_token: "The token has expired.",
  revoked_token: "The token has been revoked.",
  keys_unavailable: "The issuer's keys could not be read.",
  revocations_unavailable: "The revocations could not be read.",
  strict_answer_unavailable: "Postern could not be asked.",
};

/** Thrown if a token is not accepted. `code` is stable. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly code: VerificationErrorCode;

  constructor(code: VerificationErrorCode, options?: { cause?: unknown }) {
    super(MESSAGES[code], options);
    this.code = code;
  }

  /** Whether the error is temporary: the same token may be accepted later. */
  get isTemporary(): boolean {
    return this.code.endsWith("_unavailable");
  }
}
