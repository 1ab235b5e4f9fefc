/**
 * Finds the user of an access token by a strict check. The check of the signature and the claims needs no storage call
 * if this isolate knows the signing key. One round trip to the user's object and D1 follows: the session must be alive,
 * the user must exist and be active, and the signing key must not be revoked.
 */
import type { Keyring } from "../keys/keyring.ts";
import type { Sessions } from "../sessions/session-calls.ts";
import type { AccessTokens } from "../tokens/access-token.ts";
import { isOfCurrentEpoch } from "../users/user.ts";
import type { UserStore } from "../users/users.ts";

interface Services {
  accessTokens: AccessTokens;
  keyring: Keyring;
  sessions: Sessions;
  users: UserStore;
}

/** The user and the claims, or `undefined` if the token is not valid at this moment. */
export async function identifyUser(services: Services, token: string) {
  const { accessTokens, keyring, sessions, users } = services;
  const verified = await accessTokens.verify(token);
  if (verified === undefined) return undefined;
  const { keyId, ...claims } = verified;

  const [epoch, { user, keyringVersion }] = await Promise.all([
    sessions.epochOf(claims.sub, claims.sid),
    users.findWithKeyringVersion(claims.sub),
  ]);
  if (user === undefined || !user.isActive || epoch === null) return undefined;
  if (!isOfCurrentEpoch(user, claims.sid, epoch)) return undefined;
  // The token's claims are stale: refuse, so that the client refreshes.
  if (claims.role !== user.role || claims.email_verified !== user.isVerified) return undefined;
  return (await keyring.isTrusted(keyId, keyringVersion)) ? { user, claims } : undefined;
}
