/**
 * Logging out: one round trip. Ending a session that has ended is harmless; ending all of them takes
 * a session that is alive.
 */
import { refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { openRefreshToken } from "../sessions/refresh-token.ts";
import type { SessionProof } from "../sessions/user-sessions.ts";

export type LogoutProof = { accessToken: string } | { refreshToken: string };

export async function logOut(services: Services, proof: LogoutProof, all: boolean) {
  const caller = await identify(services, proof);
  const refused = "accessToken" in proof ? "invalid_access_token" : "invalid_refresh_token";
  if (caller === undefined) return refuse(refused);

  const { userId, session } = caller;
  if (!all) await services.sessions.end(userId, session.sessionId);
  else if (!(await services.sessions.endAllBy(userId, session))) return refuse(refused);
  return { userId };
}

async function identify(
  { accessTokens, secrets }: Services,
  proof: LogoutProof,
): Promise<{ userId: string; session: SessionProof } | undefined> {
  if ("accessToken" in proof) {
    const claims = await accessTokens.verify(proof.accessToken);
    return claims && { userId: claims.sub, session: { sessionId: claims.sid } };
  }
  const content = openRefreshToken(proof.refreshToken, secrets);
  if (content === undefined) return undefined;
  const { userId, sessionId, generation } = content;
  return { userId, session: { sessionId, generation } };
}
