/**
 * Who is asking? A strict check: the token's signature and claims, then in one round trip whether its
 * session is alive, its user exists and is active, and its key has not been revoked meanwhile.
 */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type Refusal, refuse } from "../http/problems.ts";
import type { User } from "../users/user.ts";
import { readBearerToken } from "./bearer-token.ts";

export interface Principal {
  user: User;
  sessionId: string;
}

export async function requireUser(
  c: Context<AppEnv>,
): Promise<Principal | Refusal<"unauthorized" | "invalid_access_token">> {
  const { accessTokens, keyring, sessions, users } = c.get("services");
  const token = readBearerToken(c);
  if (token === undefined) return refuse("unauthorized");
  const claims = await accessTokens.verify(token);
  if (claims === undefined) return refuse("invalid_access_token");

  const [epoch, { user, keyringVersion }] = await Promise.all([
    sessions.epochOf(claims.sub, claims.sid),
    users.findById(claims.sub),
  ]);
  // A session of an earlier epoch ended with the password that it was opened with.
  if (user === undefined || !user.isActive || epoch === null || epoch < user.sessionEpoch)
    return refuse("invalid_access_token");
  if (!(await keyring.isTrusted(claims.keyId, keyringVersion))) return refuse("invalid_access_token");
  c.set("userId", user.id);
  return { user, sessionId: claims.sid };
}
