/**
 * Access tokens: JWTs of RFC 9068 (`typ: at+jwt`). The only place that signs or verifies a JWT.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import * as z from "zod";
import type { Config } from "../config.ts";
import type { Keyring } from "../keys/keyring.ts";
import { type Clock, SECOND, toSeconds } from "../platform/clock.ts";
import { decodeBase64url } from "../platform/encoding.ts";
import { createId, type Random } from "../platform/random.ts";

/** What an access token says. `sub` and `sid` are UUIDs; `iat` and `exp` are seconds. */
export type AccessTokenClaims = z.output<typeof claimsShape>;

/** Whom a token is minted for. */
export interface TokenSubject {
  userId: string;
  sessionId: string;
  role: "user" | "moderator" | "admin";
  emailVerified: boolean;
}

export interface VerifiedToken extends AccessTokenClaims {
  /** The id of the key that signed it. */
  keyId: string;
}

const TYPE = "at+jwt";
const ALGORITHMS = ["ES256", "Ed25519"];
/** A thumbprint in base64url: nothing else is looked up. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;
/** Longer than any token of ours; what is longer is not even decoded. */
const MAX_LENGTH = 4_096;

const claimsShape = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  jti: z.uuid(),
  iat: z.int(),
  exp: z.int(),
  role: z.enum(["user", "moderator", "admin"]),
  email_verified: z.boolean(),
});

export interface AccessTokens {
  /** `lifetime` in milliseconds; `version` of the keyring as the directory said last, so that a revoked key signs nothing any more. */
  mint(subject: TokenSubject, lifetime: number, version: string): Promise<string>;
  /** The claims, or `undefined` where the token is not a valid one of ours. Says nothing of its session. */
  verify(token: string): Promise<VerifiedToken | undefined>;
}

export function createAccessTokens(parts: {
  config: Config["tokens"];
  keyring: Keyring;
  clock: Clock;
  random: Random;
}): AccessTokens {
  const { config, keyring, clock, random } = parts;
  return {
    async mint(subject, lifetime, version) {
      const key = await keyring.signingKey(version);
      const now = clock.now();
      return new SignJWT({
        // RFC 9068 §2.2 requires one. Here the product's own app is the only client there is.
        client_id: config.clientId,
        sid: subject.sessionId,
        role: subject.role,
        email_verified: subject.emailVerified,
      })
        .setProtectedHeader({ alg: key.algorithm, typ: TYPE, kid: key.id })
        .setIssuer(config.issuer)
        .setAudience(config.audience)
        .setSubject(subject.userId)
        .setJti(createId(now, random))
        .setIssuedAt(toSeconds(now))
        .setExpirationTime(toSeconds(now) + Math.round(lifetime / SECOND))
        .sign(key.signingKey);
    },
    async verify(token) {
      if (token.length > MAX_LENGTH || !isCompactJws(token)) return undefined;
      let keyId = "";
      try {
        const { payload } = await jwtVerify(
          token,
          async (header) => {
            // The key is named by our own id alone: `jwk`, `jku`, `x5u` and `x5c` are never read (RFC 8725 §3.10).
            const { kid }: { kid?: unknown } = header;
            const key = typeof kid === "string" && KEY_ID.test(kid) ? await keyring.verifyingKey(kid) : undefined;
            // One key, one algorithm (RFC 8725 §3.1).
            if (key === undefined || key.algorithm !== header.alg) throw new errors.JWKSNoMatchingKey();
            keyId = key.id;
            return key.verifyingKey;
          },
          {
            algorithms: ALGORITHMS,
            typ: TYPE,
            issuer: config.issuer,
            audience: config.audience,
            clockTolerance: config.clockTolerance / SECOND,
            // None from the future, and none that outlives what is configured now.
            maxTokenAge: config.lifetime / SECOND,
            currentDate: new Date(clock.now()),
            requiredClaims: ["exp", "iat", "sub", "sid", "jti"],
          },
        );
        const claims = claimsShape.safeParse(payload);
        return claims.success ? { ...claims.data, keyId } : undefined;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/** Three parts in base64url (RFC 7515 §7.1), each in its one canonical spelling: jose alone forgives padding and spare bits. */
function isCompactJws(token: string): boolean {
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => decodeBase64url(part) !== undefined);
}
