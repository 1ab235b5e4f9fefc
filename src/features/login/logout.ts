import * as z from "zod";
import { holderOf } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import type { Services } from "../../endpoint/services.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { refreshToken, verifyRefreshToken } from "../../sessions/refresh-token.ts";
import type { SessionProof } from "../../sessions/session-messages.ts";
import { clearRefreshCookie, readRefreshCookies } from "./refresh-cookie.ts";

/**
 * Takes one round trip. Logging out a session that has already ended is harmless. Logging out of all sessions needs a
 * live session and, with an access token, one more round trip to check that the token's key is still trusted.
 */
export const logout = endpoint(
  {
    id: "logout",
    method: "post",
    path: "/api/v1/auth/logout",
    tag: "Authentication",
    summary: "Log out",
    description:
      "Ends this session, or with `all: true` every session of the user. The access token is refused from now on. Logging out twice gets the same answer.",
    caller: holderOf("access_token", "refresh_token"),
    body: () =>
      z.strictObject({
        refresh_token: refreshToken.optional(),
        all: z.boolean().optional().meta({ description: "End every session of the user, not only this one." }),
      }),
    bodyOptional: true,
    success: { status: 204, description: "The session has ended." },
    refusals: ["unauthorized", "invalid_access_token", "invalid_refresh_token", "origin_not_allowed"],
  },
  async (services, { body, exchange }) => {
    // Tokens that a client sends on purpose come before the cookies, which a browser sends by itself.
    const proofs = sentProofs(exchange.bearerToken(), body.refresh_token);
    const read = readRefreshCookies(services, exchange);
    if (proofs.length === 0 && isRefusal(read)) return read;
    const cookies = isRefusal(read) ? [] : read;
    for (const token of cookies) proofs.push({ refreshToken: token });
    const outcome = await logOut(services, proofs, body.all ?? false);
    // Clears the cookie also after a refusal, because then no session of these cookies is live. If the origin is not
    // allowed, `cookies` is empty, and the cookie stays.
    if (cookies.length > 0) clearRefreshCookie(services, exchange);
    if (isRefusal(outcome)) return outcome;
    exchange.identify(outcome.userId);
    return undefined;
  },
);

type LogoutProof = { accessToken: string } | { refreshToken: string };

function sentProofs(accessToken: string | undefined, token: string | undefined): LogoutProof[] {
  const proofs: LogoutProof[] = [];
  if (accessToken !== undefined) proofs.push({ accessToken });
  if (token !== undefined) proofs.push({ refreshToken: token });
  return proofs;
}

interface NamedSession {
  userId: string;
  session: SessionProof;
  /** The id of the key that signed the access token. Absent for a refresh token. */
  keyId?: string;
}

/**
 * Ends the session of each token that was sent: the access token may have expired, or may belong to another session
 * than the cookie. With `all`, finds the first of these sessions that is live, and ends every session of its user. If
 * tokens of other users were sent too, these users lose only the sessions of the sent tokens, because their cookies are
 * cleared.
 */
async function logOut(services: Services, proofs: readonly LogoutProof[], all: boolean) {
  const [first] = proofs;
  if (first === undefined) return refuse("unauthorized");
  const refused = refuse("accessToken" in first ? "invalid_access_token" : "invalid_refresh_token");
  const named = (await Promise.all(proofs.map((proof) => nameSession(services, proof)))).filter(
    (session) => session !== undefined,
  );
  if (!all) {
    const [ended] = (await Promise.all(named.map((session) => endNamed(services, session)))).flat();
    return ended === undefined ? refused : { userId: ended.userId };
  }
  for (const { userId, session, keyId } of named) {
    // Check the key first, so that an attacker with a leaked key that was revoked can't end every user's sessions.
    const isTrusted = await hasTrustedKey(services, keyId);
    if (isTrusted && (await services.sessions.endAllBy(userId, session))) {
      services.audit.note("logged_out", { actorId: userId, userId, details: { all: true } });
      const others = named.filter((other) => other.userId !== userId);
      // If this fails, the answer is still a success: a client that retries would end all sessions of the other user.
      await Promise.allSettled(others.map((other) => endNamed(services, other)));
      return { userId };
    }
  }
  return refused;
}

/**
 * Ends the session and checks the key at the same time: even if the key is not trusted, ending one session does no
 * harm. Returns the session, or an empty array if the key is not trusted.
 */
async function endNamed(services: Services, named: NamedSession): Promise<NamedSession[]> {
  const { userId, session, keyId } = named;
  const [isTrusted, hasEnded] = await Promise.all([
    hasTrustedKey(services, keyId),
    services.sessions.end(userId, session.sessionId),
  ]);
  if (!isTrusted) return [];
  const details = { session_id: session.sessionId };
  if (hasEnded) services.audit.note("logged_out", { actorId: userId, userId, details });
  return [named];
}

async function hasTrustedKey({ keyring }: Services, keyId: string | undefined): Promise<boolean> {
  return keyId === undefined || keyring.isStillTrusted(keyId);
}

async function nameSession({ accessTokens, secrets }: Services, proof: LogoutProof): Promise<NamedSession | undefined> {
  if ("accessToken" in proof) {
    const claims = await accessTokens.verify(proof.accessToken);
    return claims && { userId: claims.sub, session: { sessionId: claims.sid }, keyId: claims.keyId };
  }
  const content = verifyRefreshToken(proof.refreshToken, secrets);
  if (content === undefined) return undefined;
  const { userId, sessionId, generation } = content;
  return { userId, session: { sessionId, generation } };
}
