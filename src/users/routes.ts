/** `/api/v1/users`: what a user sees and does about their own account. */
import type { Context } from "hono";
import { type Principal, requireUser } from "../access/require-user.ts";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, addOperationWithBody } from "../http/operation.ts";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import { tell } from "../limits/limited.ts";
import { toIsoTime } from "../platform/clock.ts";
import { changePassword } from "./change-password.ts";
import {
  changePasswordOperation,
  endOtherSessionsOperation,
  endSessionOperation,
  listSessionsOperation,
  readMeOperation,
  updateMeOperation,
} from "./operations.ts";
import { updateProfile } from "./update-profile.ts";
import { presentUser, userEtag } from "./user.ts";

export function addUserRoutes(app: App, config: Config): void {
  addOperation(app, readMeOperation, (c) =>
    forUser(c, async ({ user }) => c.json(presentUser(user), 200, { ETag: userEtag(user) })),
  );

  addOperationWithBody(app, config, updateMeOperation, (c, body) =>
    forUser(c, async ({ user }) => {
      const outcome = await updateProfile(c.get("services"), user, body, c.req.header("If-Match"));
      return isRefusal(outcome) ? outcome : c.json(presentUser(outcome), 200, { ETag: userEtag(outcome) });
    }),
  );

  addOperationWithBody(app, config, changePasswordOperation, (c, body) =>
    forUser(c, async (principal) => {
      const outcome = await changePassword(c.get("services"), principal, body);
      if (isRefusal(outcome)) return outcome;
      tell(c, outcome.headers);
      return c.body(null, 204);
    }),
  );

  addOperation(app, listSessionsOperation, (c) =>
    forUser(c, async ({ user, sessionId }) => {
      const sessions = await c.get("services").sessions.list(user.id);
      const items = sessions.map((session) => ({
        id: session.id,
        device_name: session.deviceName,
        user_agent: session.userAgent,
        ip_address: session.ipAddress,
        created_at: toIsoTime(session.createdAt),
        last_used_at: toIsoTime(session.lastUsedAt),
        expires_at: toIsoTime(session.expiresAt),
        current: session.id === sessionId,
      }));
      return c.json({ items }, 200);
    }),
  );

  addOperation(app, endSessionOperation, (c) =>
    forUser(c, async ({ user }) => {
      const ended = await c.get("services").sessions.end(user.id, c.req.param("id") ?? "");
      return ended ? c.body(null, 204) : refuse("not_found");
    }),
  );

  addOperation(app, endOtherSessionsOperation, (c) =>
    forUser(c, async ({ user, sessionId }) => {
      await c.get("services").sessions.endAllBut(user.id, sessionId);
      return c.body(null, 204);
    }),
  );
}

/** Runs a handler for the user whose access token it is. */
async function forUser<Answer extends Response | Refusal>(
  c: Context<AppEnv>,
  handler: (principal: Principal) => Promise<Answer>,
): Promise<Answer | Refusal<"unauthorized" | "invalid_access_token">> {
  const principal = await requireUser(c);
  return isRefusal(principal) ? principal : handler(principal);
}
