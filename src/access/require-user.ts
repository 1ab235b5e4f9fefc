/**
 * Who is asking? A strict check: the token's signature and claims, then in one round trip whether its
 * session is alive, its user exists and is active, and its key has not been revoked meanwhile.
 */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import type { User } from "../users/user.ts";
import { readBearerToken } from "./bearer-token.ts";
import { may, type Permission } from "./permissions.ts";

export interface Principal {
  user: User;
  sessionId: string;
}

type Unauthorized = Refusal<"unauthorized" | "invalid_access_token">;

/** Runs a handler for the user whose access token it is. */
export async function forUser<Answer extends Response | Refusal>(
  c: Context<AppEnv>,
  handler: (principal: Principal) => Promise<Answer>,
): Promise<Answer | Unauthorized> {
  const principal = await requireUser(c);
  return isRefusal(principal) ? principal : handler(principal);
}

/**
 * Runs a handler for a user who has a permission on somebody at all. On whom it may be used is asked
 * again when that person is known.
 */
export async function forOperator<Answer extends Response | Refusal>(
  c: Context<AppEnv>,
  permission: Permission,
  handler: (principal: Principal) => Promise<Answer>,
): Promise<Answer | Unauthorized | Refusal<"forbidden">> {
  return forUser(
    c,
    async (principal): Promise<Answer | Refusal<"forbidden">> =>
      may(principal.user, permission) ? handler(principal) : refuse("forbidden"),
  );
}

async function requireUser(c: Context<AppEnv>): Promise<Principal | Unauthorized> {
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
  // It says what is no longer so: the next one, which a refresh gives, says what is.
  if (claims.role !== user.role || claims.email_verified !== user.isVerified) return refuse("invalid_access_token");
  if (!(await keyring.isTrusted(claims.keyId, keyringVersion))) return refuse("invalid_access_token");
  c.set("userId", user.id);
  return { user, sessionId: claims.sid };
}
