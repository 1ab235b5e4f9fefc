/** The `TokenPair` of the API: the response of a login, a refresh and every other endpoint that opens a session. */
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { type Clock, SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { Authentication } from "../sessions/authentication.ts";
import { signRefreshToken } from "../sessions/refresh-token.ts";
import type { User } from "../users/user.ts";
import type { AccessTokens } from "./access-token.ts";

const seconds = z.int().min(0);

export const tokenPairShape = {
  access_token: z.string().meta({ description: "A JWT (RFC 9068).", examples: ["eyJhbGciOiJFUzI1NiIs…"] }),
  token_type: z.literal("Bearer"),
  expires_in: seconds.meta({ description: "Seconds until the access token expires.", examples: [1800] }),
  refresh_token: z
    .string()
    .optional()
    .meta({ description: "Absent in cookie mode.", examples: ["prt_AQGasnJ0fSt_…"] }),
  refresh_expires_in: seconds.meta({
    description: "Seconds until the refresh token expires. Each refresh issues a new one, until the session ends.",
    examples: [604800],
  }),
  session_id: z.uuid(),
};

export const tokenPairSchema = z.strictObject(tokenPairShape).meta({ id: "TokenPair" });

export type TokenPair = z.output<typeof tokenPairSchema> & { refresh_token: string };

interface Services {
  accessTokens: AccessTokens;
  clock: Clock;
  config: Config;
  secrets: Secrets;
}

/** The session that a pair is issued for, as the user's object and D1 know it. */
interface IssuedSession {
  user: User;
  sessionId: string;
  generation: number;
  expiresAt: number;
  authentication?: Authentication | undefined;
  keyringVersion: string;
}

/**
 * Mints the access token and the refresh token. Each refresh gives the session the next generation, a number that the
 * refresh token contains. Reads storage only if the signing keys have changed.
 */
export async function issueTokenPair(
  { accessTokens, clock, config, secrets }: Services,
  session: IssuedSession,
): Promise<TokenPair> {
  const { user, sessionId, generation, expiresAt, authentication, keyringVersion } = session;
  const { id: userId, role, isVerified: emailVerified } = user;
  const subject = { userId, sessionId, role, emailVerified, authentication };
  // An access token that outlives its session could not be revoked.
  const lifetime = Math.min(config.tokens.lifetime, Math.max(0, expiresAt - clock.now()));
  return {
    access_token: await accessTokens.mint(subject, lifetime, keyringVersion),
    token_type: "Bearer",
    expires_in: Math.round(lifetime / SECOND),
    refresh_token: signRefreshToken({ userId, sessionId, generation }, secrets),
    refresh_expires_in: Math.max(0, Math.round((expiresAt - clock.now()) / SECOND)),
    session_id: sessionId,
  };
}
