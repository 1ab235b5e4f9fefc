/** Who is asking? Runs handlers for those who may. */
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import type { User } from "../users/user.ts";
import { readBearerToken } from "./bearer-token.ts";
import { identifyUser } from "./identify-user.ts";
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
  const token = readBearerToken(c);
  if (token === undefined) return refuse("unauthorized");
  const known = await identifyUser(c.get("services"), token);
  if (known === undefined) return refuse("invalid_access_token");
  c.set("userId", known.user.id);
  return { user: known.user, sessionId: known.claims.sid };
}
