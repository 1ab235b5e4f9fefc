/**
 * Why a token is not accepted. What a caller branches on is the code; the message is for whoever reads the logs,
 * and holds nothing of the token.
 */

/** What is wrong with the token. The caller has to refresh it, or to log in again. */
export type TokenFault =
  /** Not a JWT of the profile that Postern signs (RFC 9068): another format, `typ`, algorithm or spelling. */
  | "malformed_token"
  /** The issuer publishes no key of this id. */
  | "unknown_key"
  | "invalid_signature"
  | "wrong_issuer"
  | "wrong_audience"
  /** A claim is missing, of another type, or says that the token comes from the future. */
  | "invalid_claims"
  | "expired_token"
  /** Its session has ended, or its user has another role by now. */
  | "revoked_token";

/** What kept the token from being judged. It may be good: the caller tries again later. */
export type VerifierFault =
  /** The issuer's keys are not known yet, and it does not answer. */
  | "keys_unavailable"
  /** KV does not answer, so that nobody knows whether the token was revoked. */
  | "revocations_unavailable"
  /** Postern was asked whether the token is good at this moment, and does not answer. */
  | "strict_answer_unavailable";

export type VerificationErrorCode = TokenFault | VerifierFault;

const MESSAGES: Readonly<Record<VerificationErrorCode, string>> = {
  malformed_token: "This is not an access token.",
  unknown_key: "The issuer publishes no key by which this token could be verified.",
  invalid_signature: "The signature does not belong to this token.",
  wrong_issuer: "The token names another issuer: `issuer` takes Postern's PUBLIC_URL, word for word.",
  wrong_audience: "The token is meant for another audience: `audience` takes Postern's JWT_AUDIENCE.",
  invalid_claims: "The token does not say what an access token has to say.",
  expired_token: "The token has expired.",
  revoked_token: "The token was revoked.",
  keys_unavailable: "The issuer's keys could not be read.",
  revocations_unavailable: "The revocations could not be read.",
  strict_answer_unavailable: "Postern could not be asked.",
};

/** Thrown where a token is not accepted. `code` is stable. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly code: VerificationErrorCode;

  constructor(code: VerificationErrorCode, options?: { cause?: unknown }) {
    super(MESSAGES[code], options);
    this.code = code;
  }

  /** Whether the fault is not the token's: the same token may be accepted later. */
  get isTemporary(): boolean {
    return this.code.endsWith("_unavailable");
  }
}
