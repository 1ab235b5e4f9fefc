import { SECOND } from "../platform/clock.ts";
import type { Services } from "../services.ts";
import { sealRefreshToken } from "../sessions/refresh-token.ts";
import type { User } from "../users/user.ts";

/** `TokenPair` of the API. Lifetimes are seconds. */
export interface TokenPair {
  access_token: string;
  token_type: "Bearer";
  expires_in: number;
  refresh_token: string;
  refresh_expires_in: number;
  session_id: string;
}

/** Mints the access token and seals the refresh token of a session's generation. No storage, unless a key changed. */
export async function issueTokenPair(
  { accessTokens, clock, config, secrets }: Services,
  session: { user: User; sessionId: string; generation: number; expiresAt: number; keyringVersion: string },
): Promise<TokenPair> {
  const { user, sessionId, generation, expiresAt, keyringVersion } = session;
  const { id: userId, role, isVerified: emailVerified } = user;
  const subject = { userId, sessionId, role, emailVerified };
  // No access token outlives its session: nobody could end it any more.
  const lifetime = Math.min(config.tokens.lifetime, Math.max(0, expiresAt - clock.now()));
  return {
    access_token: await accessTokens.mint(subject, lifetime, keyringVersion),
    token_type: "Bearer",
    expires_in: Math.round(lifetime / SECOND),
    refresh_token: sealRefreshToken({ userId, sessionId, generation }, secrets),
    refresh_expires_in: Math.max(0, Math.round((expiresAt - clock.now()) / SECOND)),
    session_id: sessionId,
  };
}
