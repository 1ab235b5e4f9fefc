/**
 * The judgement of an access token (RFC 9068) by itself: format, signature, issuer, audience, times. The only place
 * that verifies a JWT, for Postern and for other Workers alike. Whether its session lives is another question.
 */
import { errors, jwtVerify } from "jose";
import { type AccessTokenClaims, readClaims } from "./claims.ts";
import { VerificationError, type VerificationErrorCode } from "./errors.ts";

/** A public key as a verifier holds it. */
export interface VerifyingKey {
  /** The RFC 7638 thumbprint. */
  readonly id: string;
  /** The one algorithm that it is for (RFC 8725 §3.1). */
  readonly algorithm: string;
  readonly verifyingKey: CryptoKey;
}

/** What a token must say. Times are seconds. */
export interface Expectations {
  issuer: string;
  audience: string;
  /** How far the clocks of issuer and verifier may differ. */
  clockTolerance: number;
  /** What is older is refused, whatever it says of its expiry. */
  longestLifetime: number;
}

export interface JudgedToken {
  claims: AccessTokenClaims;
  /** The id of the key that signed it. */
  keyId: string;
}

/** `typ` of an access token (RFC 9068 §2.1), so that no other JWT of the issuer passes for one. */
export const TOKEN_TYPE = "at+jwt";

/** Signatures by public keys alone: no `none`, and no HMAC with a public key for its secret (RFC 8725 §2.1). */
export const ALGORITHMS: readonly string[] = ["ES256", "Ed25519"];

/** A thumbprint in base64url: nothing else is looked up. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;

/** Longer than any token of Postern's; what is longer is not even decoded. */
const MAX_LENGTH = 4_096;

/** Three parts in base64url (RFC 7515 §7.1), each in its one canonical spelling: jose alone forgives padding and spare bits. */
const PART = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?";
const COMPACT_JWS = new RegExp(`^${PART}\\.${PART}\\.${PART}$`);

/**
 * @param findKey the issuer's key of an id, or `undefined`; what it throws is thrown on
 * @param now milliseconds since the epoch
 * @throws {VerificationError} where the token is none that the issuer signed for this audience, or has expired
 */
export async function judgeAccessToken(
  token: string,
  findKey: (id: string) => Promise<VerifyingKey | undefined>,
  expectations: Expectations,
  now: number,
): Promise<JudgedToken> {
  if (token.length > MAX_LENGTH || !COMPACT_JWS.test(token)) throw new VerificationError("malformed_token");
  let keyId = "";
  try {
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        // The key is named by the issuer's own id alone: `jwk`, `jku`, `x5u` and `x5c` are never read (RFC 8725 §3.10).
        const { kid }: { kid?: unknown } = header;
        const key = typeof kid === "string" && KEY_ID.test(kid) ? await findKey(kid) : undefined;
        if (key === undefined || key.algorithm !== header.alg) throw new VerificationError("unknown_key");
        keyId = key.id;
        return key.verifyingKey;
      },
      {
        algorithms: [...ALGORITHMS],
        typ: TOKEN_TYPE,
        issuer: expectations.issuer,
        audience: expectations.audience,
        clockTolerance: expectations.clockTolerance,
        // None from the future either.
        maxTokenAge: expectations.longestLifetime,
        currentDate: new Date(now),
        requiredClaims: ["exp", "iat", "sub", "sid", "jti"],
      },
    );
    const claims = readClaims(payload);
    if (claims === undefined) throw new VerificationError("invalid_claims");
    return { claims, keyId };
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new VerificationError(faultOf(error));
    throw error;
  }
}

function faultOf(error: errors.JOSEError): VerificationErrorCode {
  if (error instanceof errors.JWTExpired) return "expired_token";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "invalid_signature";
  if (!(error instanceof errors.JWTClaimValidationFailed)) return "malformed_token";
  switch (error.claim) {
    case "iss":
      return "wrong_issuer";
    case "aud":
      return "wrong_audience";
    case "typ":
      return "malformed_token";
    default:
      return "invalid_claims";
  }
}
