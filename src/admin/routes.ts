/** `/api/v1/users` for operators: what they see and do about other people's accounts. */
import type { Context } from "hono";
import { may, type Permission } from "../access/permissions.ts";
import { forOperator } from "../access/require-user.ts";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { type App, addOperation, addOperationWithBody, addOperationWithQuery } from "../http/operation.ts";
import { toPage } from "../http/paging.ts";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import { limited } from "../limits/limited.ts";
import { mailLimit } from "../limits/limiter.ts";
import { deleteAccount } from "../users/delete-account.ts";
import { presentUser, type User, userEtag } from "../users/user.ts";
import { changeUser } from "./change-user.ts";
import {
  deleteUserOperation,
  listUsersOperation,
  readUserOperation,
  revokeSessionsOperation,
  sendPasswordResetOperation,
  updateUserOperation,
} from "./operations.ts";

export function addAdministrationRoutes(app: App, config: Config): void {
  addOperationWithQuery(app, listUsersOperation, (c, query) =>
    forOperator(c, "read_users", async () => {
      const { limit, cursor, q: prefix, role, is_active: isActive, is_verified: isVerified } = query;
      const filter = { prefix, role, isActive, isVerified };
      const users = await c.get("services").administration.list(filter, { limit: limit + 1, before: cursor });
      const { items, next_cursor } = toPage(users, limit);
      return c.json({ items: items.map(presentUser), next_cursor }, 200);
    }),
  );

  addOperation(app, readUserOperation, (c) =>
    forTarget(c, "read_users", async (_, target) => c.json(presentUser(target), 200, { ETag: userEtag(target) })),
  );

  addOperationWithBody(app, config, updateUserOperation, (c, body) =>
    // Whoever may change anything at all may suspend; which fields of whom is asked for each.
    forOperator(c, "suspend_users", async ({ user }) => {
      const outcome = await changeUser(c.get("services"), user, targetId(c), body, c.req.header("If-Match"));
      return isRefusal(outcome) ? outcome : c.json(presentUser(outcome), 200, { ETag: userEtag(outcome) });
    }),
  );

  addOperation(app, deleteUserOperation, (c) =>
    forTarget(c, "delete_users", async (actor, target) => {
      const refused = await deleteAccount(c.get("services"), target, actor);
      return refused ?? c.body(null, 204);
    }),
  );

  addOperation(app, revokeSessionsOperation, (c) =>
    forTarget(c, "end_sessions", async (actor, target) => {
      const { audit, sessions } = c.get("services");
      await sessions.endAllBut(target.id, null);
      audit.note("sessions_ended", { actorId: actor.id, userId: target.id });
      return c.body(null, 204);
    }),
  );

  addOperation(app, sendPasswordResetOperation, (c) =>
    forTarget(c, "send_password_resets", async (actor, { id: userId, email }) => {
      const outcome = await limited(c, [mailLimit("send_password_reset", email)], async () => {
        const { audit, mail } = c.get("services");
        await mail.request({ kind: "reset_password", email });
        audit.note("password_reset_sent", { actorId: actor.id, userId });
        return { status: "accepted" } as const;
      });
      return isRefusal(outcome) ? outcome : c.json(outcome, 202);
    }),
  );
}

/** Runs a handler for an operator who has a permission on the person whom the path names. */
function forTarget<Answer extends Response | Refusal>(
  c: Context<AppEnv>,
  permission: Permission,
  handler: (actor: User, target: User) => Promise<Answer>,
) {
  return forOperator(c, permission, async ({ user }): Promise<Answer | Refusal<"not_found" | "forbidden">> => {
    const target = await c.get("services").administration.find(targetId(c));
    if (target === undefined) return refuse("not_found");
    return may(user, permission, target) ? handler(user, target) : refuse("forbidden");
  });
}

function targetId(c: Context<AppEnv>): string {
  return (c.req.param("id") ?? "").toLowerCase();
}
