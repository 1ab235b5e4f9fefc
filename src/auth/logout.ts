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

/**
 * Logs out every session that a proof names: an access token may have expired, or belong to another session
 * than the cookie. With `all`, the first of them that is alive ends every session of its user.
 */
export async function logOut(services: Services, proofs: readonly LogoutProof[], all: boolean) {
  const [first] = proofs;
  if (first === undefined) return refuse("unauthorized");
  const refused = refuse("accessToken" in first ? "invalid_access_token" : "invalid_refresh_token");
  const callers = (await Promise.all(proofs.map((proof) => identify(services, proof)))).filter(
    (one) => one !== undefined,
  );
  if (!all) {
    const [caller] = (await Promise.all(callers.map((caller) => endOwnSession(services, caller)))).flat();
    return caller === undefined ? refused : { userId: caller.userId };
  }
  for (const { userId, session, keyId } of callers) {
    // The key is asked about first: with one that was revoked anybody could end everybody's sessions.
    const isTrusted = await hasTrustedKey(services, keyId);
    if (isTrusted && (await services.sessions.endAllBy(userId, session))) {
      services.audit.note("logged_out", { actorId: userId, userId, details: { all: true } });
      return { userId };
    }
  }
  return refused;
}

/**
 * Ends the session; answers its caller where the word of its proof was good, otherwise nobody. The session of a
 * bad one ends too, which harms nobody.
 */
async function endOwnSession(services: Services, caller: Caller): Promise<Caller[]> {
  const { userId, session, keyId } = caller;
  const [isTrusted, hasEnded] = await Promise.all([
    hasTrustedKey(services, keyId),
    services.sessions.end(userId, session.sessionId),
  ]);
  if (!isTrusted) return [];
  const details = { session_id: session.sessionId };
  if (hasEnded) services.audit.note("logged_out", { actorId: userId, userId, details });
  return [caller];
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
