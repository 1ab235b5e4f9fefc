/**
 * Access tokens: JWTs as in RFC 9068 (`typ: at+jwt`). This is the only file that signs a JWT. The code that verifies
 * access tokens is in `verify/`, because other Workers use it too.
 */
import { SignJWT } from "jose";
import type { Config } from "../config/config.ts";
import type { Keyring } from "../keys/keyring.ts";
import { type Clock, SECOND, toSeconds } from "../platform/clock.ts";
import { createId, type Random } from "../platform/random.ts";
import { TOKEN_TYPE, verifyAccessToken } from "../verify/access-token.ts";
import { VerificationError } from "../verify/errors.ts";
import { claimsOf, type TokenSubject } from "./access-token-claims.ts";

export type AccessTokens = ReturnType<typeof createAccessTokens>;

export function createAccessTokens(parts: {
  config: Config["tokens"];
  keyring: Keyring;
  clock: Clock;
  random: Random;
}) {
  const { config, keyring, clock, random } = parts;
  return {
    /**
     * `lifetime` is in milliseconds. `version` is the keyring's version as last read from D1, so that a revoked key
     * does not sign.
     */
    async mint(subject: TokenSubject, lifetime: number, version: string) {
      const key = await keyring.signingKey(version);
      const now = clock.now();
      return new SignJWT(claimsOf(subject, config.clientId))
        .setProtectedHeader({ alg: key.algorithm, typ: TOKEN_TYPE, kid: key.id })
        .setIssuer(config.issuer)
        .setAudience(config.audience)
        .setSubject(subject.userId)
        .setJti(createId(now, random))
        .setIssuedAt(toSeconds(now))
        .setExpirationTime(toSeconds(now) + Math.round(lifetime / SECOND))
        .sign(key.signingKey);
    },
    /**
     * Returns the claims and the id of the key that signed them, or `undefined` if the token is not a valid token of
     * this service. Does not check whether the session still exists.
     */
    async verify(token: string) {
      try {
        const { claims, keyId } = await verifyAccessToken(
          token,
          (id) => keyring.verifyingKey(id),
          {
            issuer: config.issuer,
            audience: config.audience,
            clockTolerance: config.clockTolerance / SECOND,
            // Refuses tokens older than the lifetime that is configured now, in case it was shortened.
            longestLifetime: config.lifetime / SECOND,
          },
          clock.now(),
        );
        return { ...claims, keyId };
      } catch (error) {
        if (error instanceof VerificationError) return undefined;
        throw error;
      }
    },
  };
}
