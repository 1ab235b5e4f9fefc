/**
 * Verifies an access token (RFC 9068) on its own: format, signature, issuer, audience, times. This is the only file
 * that verifies a JWT, for Postern and for other Workers. It does not check whether the token's session is still live.
 */
import { errors, jwtVerify } from "jose";
import { type AccessTokenClaims, readClaims } from "./claims.ts";
import { VerificationError, type VerificationErrorCode } from "./errors.ts";

/** A public key, as a verifier stores it. */
export interface VerifyingKey {
  /** The RFC 7638 thumbprint. */
  readonly id: string;
  /** The only algorithm that the key may be used with (RFC 8725 §3.1). */
  readonly algorithm: string;
  readonly verifyingKey: CryptoKey;
}

/** What a token must contain. Times are in seconds. */
export interface Expectations {
  issuer: string;
  audience: string;
  /** How far the clocks of the issuer and the verifier may differ. */
  clockTolerance: number;
  /** The longest time since the token was issued. An older token is refused, even if its `exp` is later. */
  longestLifetime: number;
}

/** The `typ` of an access token (RFC 9068 §2.1), so that the issuer's other JWTs are not accepted. */
export const TOKEN_TYPE = "at+jwt";

/** Public-key signatures only: no `none`, and no HMAC with a public key as its secret (RFC 8725 §2.1). */
export const ALGORITHMS: readonly string[] = ["ES256", "Ed25519"];

/** A thumbprint in base64url. Other key ids are not looked up. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;

/** Postern's tokens are shorter. Longer input is refused before it is decoded. */
const MAX_LENGTH = 4_096;

/** One part of a token: base64url in its canonical encoding. jose also accepts padding and stray trailing bits. */
const PART = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?";
/** A token has three parts (RFC 7515 §7.1). */
const COMPACT_JWS = new RegExp(`^${PART}\\.${PART}\\.${PART}$`);

/**
 * Returns the claims of a valid token, and the id of the key that signed it.
 *
 * @param findKey returns the issuer's key with this id, or `undefined`; its errors are passed on
 * @param now milliseconds since the epoch
 * @throws {VerificationError} if the issuer did not sign the token for this audience, or the token has expired
 */
export async function verifyAccessToken(
  token: string,
  findKey: (id: string) => Promise<VerifyingKey | undefined>,
  expectations: Expectations,
  now: number,
): Promise<{ claims: AccessTokenClaims; keyId: string }> {
  if (token.length > MAX_LENGTH || !COMPACT_JWS.test(token)) throw new VerificationError("malformed_token");
  let keyId = "";
  try {
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        // Only the issuer's own key id selects the key. `jwk`, `jku`, `x5u` and `x5c` are never read (RFC 8725 §3.10).
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
        // jose then also refuses tokens that were issued in the future.
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
