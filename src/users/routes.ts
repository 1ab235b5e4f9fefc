/** `/api/v1/users`: what a user sees and does about their own account. */
import { forUser } from "../access/require-user.ts";
import { presentOwnEvent } from "../audit/present-event.ts";
import type { Config } from "../config.ts";
import { clientNetwork } from "../http/client-address.ts";
import { type App, addOperation, addOperationWithBody, addOperationWithQuery } from "../http/operation.ts";
import { toPage } from "../http/paging.ts";
import { isRefusal, refuse } from "../http/problems.ts";
import { limited, tell } from "../limits/limited.ts";
import { presentSession } from "../sessions/present-session.ts";
import { requestEmailChange } from "./change-email.ts";
import { changePassword } from "./change-password.ts";
import { deleteOwnAccount } from "./delete-account.ts";
import { exportData } from "./export-data.ts";
import {
  changeEmailOperation,
  changePasswordOperation,
  deleteMeOperation,
  endOtherSessionsOperation,
  endSessionOperation,
  exportMeOperation,
  listSecurityEventsOperation,
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
      const limits = [{ rule: "profileChangePerUser", key: user.id } as const];
      const outcome = await limited(c, limits, () =>
        updateProfile(c.get("services"), user, body, { ifMatch: c.req.header("If-Match"), network: clientNetwork(c) }),
      );
      return isRefusal(outcome) ? outcome : c.json(presentUser(outcome), 200, { ETag: userEtag(outcome) });
    }),
  );

  addOperationWithBody(app, config, changePasswordOperation, (c, body) =>
    forUser(c, async (principal) => {
      const outcome = await changePassword(c.get("services"), principal, body, clientNetwork(c));
      if (isRefusal(outcome)) return outcome;
      tell(c, outcome.headers);
      return c.body(null, 204);
    }),
  );

  addOperation(app, listSessionsOperation, (c) =>
    forUser(c, async ({ user, sessionId }) => {
      const sessions = await c.get("services").sessions.list(user.id);
      const items = sessions.map((session) => presentSession(session, sessionId));
      return c.json({ items }, 200);
    }),
  );

  addOperation(app, endSessionOperation, (c) =>
    forUser(c, async ({ user }) => {
      const { audit, sessions } = c.get("services");
      const id = (c.req.param("id") ?? "").toLowerCase();
      if (!(await sessions.end(user.id, id))) return refuse("not_found");
      audit.note("session_ended", { actorId: user.id, userId: user.id, details: { session_id: id } });
      return c.body(null, 204);
    }),
  );

  addOperation(app, endOtherSessionsOperation, (c) =>
    forUser(c, async ({ user, sessionId }) => {
      const { audit, sessions } = c.get("services");
      await sessions.endAllBut(user.id, sessionId);
      audit.note("sessions_ended", { actorId: user.id, userId: user.id });
      return c.body(null, 204);
    }),
  );

  addOperationWithBody(app, config, changeEmailOperation, (c, body) =>
    forUser(c, async (principal) => {
      const outcome = await requestEmailChange(c.get("services"), principal, body, clientNetwork(c));
      if (isRefusal(outcome)) return outcome;
      tell(c, outcome.headers);
      return c.json({ status: "confirmation_required" }, 202);
    }),
  );

  addOperationWithBody(app, config, deleteMeOperation, (c, body) =>
    forUser(c, async (principal) => {
      const outcome = await deleteOwnAccount(c.get("services"), principal, body);
      if (isRefusal(outcome)) return outcome;
      tell(c, outcome.headers);
      return c.body(null, 204);
    }),
  );

  addOperation(app, exportMeOperation, (c) =>
    forUser(c, async ({ user, sessionId }) => {
      const limits = [{ rule: "exportPerUser", key: user.id } as const];
      const outcome = await limited(c, limits, async () => ({
        document: await exportData(c.get("services"), user, sessionId),
      }));
      if (isRefusal(outcome)) return outcome;
      return c.body(outcome.document, 200, {
        "Content-Type": "application/json",
        "Content-Disposition": `attachment; filename="${user.username}.json"`,
      });
    }),
  );

  addOperationWithQuery(app, listSecurityEventsOperation, (c, { limit, cursor }) =>
    forUser(c, async ({ user }) => {
      const events = await c.get("services").audits.list({ userId: user.id }, { limit: limit + 1, before: cursor });
      const { items, next_cursor } = toPage(events, limit);
      return c.json({ items: items.map((event) => presentOwnEvent(event, user.id)), next_cursor }, 200);
    }),
  );
}
