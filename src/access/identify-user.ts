/**
 * Whose access token is it? A strict check: its signature and claims, then in one round trip whether its session is
 * alive, its user exists and is active, and its key has not been revoked meanwhile.
 */
import type { Services } from "../services.ts";
import type { User } from "../users/user.ts";
import type { AccessTokenClaims } from "../verify/claims.ts";

export interface IdentifiedUser {
  user: User;
  claims: AccessTokenClaims;
}

/** `undefined` where the token is not good at this moment. */
export async function identifyUser(services: Services, token: string): Promise<IdentifiedUser | undefined> {
  const { accessTokens, keyring, sessions, users } = services;
  const verified = await accessTokens.verify(token);
  if (verified === undefined) return undefined;
  const { keyId, ...claims } = verified;

  const [epoch, { user, keyringVersion }] = await Promise.all([
    sessions.epochOf(claims.sub, claims.sid),
    users.findById(claims.sub),
  ]);
  // A session of an earlier epoch ended with the password that it was opened with.
  if (user === undefined || !user.isActive || epoch === null || epoch < user.sessionEpoch) return undefined;
  // It says what is no longer so: the next one, which a refresh gives, says what is.
  if (claims.role !== user.role || claims.email_verified !== user.isVerified) return undefined;
  return (await keyring.isTrusted(keyId, keyringVersion)) ? { user, claims } : undefined;
}
