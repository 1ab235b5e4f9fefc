/**
 * Logging out: one round trip. Ending a session that has ended is harmless; ending all of them takes
 * a session that is alive and, by an access token, one more to ask whether its key is still trusted.
 */
import { refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { openRefreshToken } from "../sessions/refresh-token.ts";
import type { SessionProof } from "../sessions/user-sessions.ts";

interface Caller {
  userId: string;
  session: SessionProof;
  /** The key that signed the access token, where the caller showed one. */
  keyId?: string;
}

export type LogoutProof = { accessToken: string } | { refreshToken: string };

/** Logs out by the first proof that is one of ours: an access token may have expired while the cookie is good. */
export async function logOut(services: Services, proofs: readonly LogoutProof[], all: boolean) {
  let caller: Caller | undefined;
  for (const proof of proofs) caller ??= await identify(services, proof);
  const [first] = proofs;
  if (first === undefined) return refuse("unauthorized");
  const refused = "accessToken" in first ? "invalid_access_token" : "invalid_refresh_token";
  if (caller === undefined) return refuse(refused);

  const { userId, session, keyId } = caller;
  if (!all) {
    const [isTrusted] = await Promise.all([
      hasTrustedKey(services, keyId),
      services.sessions.end(userId, session.sessionId),
    ]);
    return isTrusted ? { userId } : refuse(refused);
  }
  // Here the key is asked about first: with one that was revoked anybody could end everybody's sessions.
  if (!(await hasTrustedKey(services, keyId))) return refuse(refused);
  return (await services.sessions.endAllBy(userId, session)) ? { userId } : refuse(refused);
}

async function hasTrustedKey({ keyring }: Services, keyId: string | undefined): Promise<boolean> {
  return keyId === undefined || keyring.isStillTrusted(keyId);
}

async function identify({ accessTokens, secrets }: Services, proof: LogoutProof): Promise<Caller | undefined> {
  if ("accessToken" in proof) {
    const claims = await accessTokens.verify(proof.accessToken);
    return claims && { userId: claims.sub, session: { sessionId: claims.sid }, keyId: claims.keyId };
  }
  const content = openRefreshToken(proof.refreshToken, secrets);
  if (content === undefined) return undefined;
  const { userId, sessionId, generation } = content;
  return { userId, session: { sessionId, generation } };
}
