/** `/api/v1/audit-events`, and the middleware that sends what a request noted to the queue once it is answered. */
import { createMiddleware } from "hono/factory";
import { forOperator } from "../access/require-user.ts";
import type { AppEnv } from "../http/app-env.ts";
import { clientAddress, clientAgent } from "../http/client-address.ts";
import { type App, addOperationWithQuery } from "../http/operation.ts";
import { toPage } from "../http/paging.ts";
import { listAuditEventsOperation } from "./operations.ts";
import { presentEvent } from "./present-event.ts";

/** Off the request's path: nobody waits for the audit log, nor for what was left for later, which may note more. */
export const auditTrail = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { afterwards, audit } = c.get("services");
  if (audit.isEmpty && afterwards.isEmpty) return;
  const origin = { ipAddress: clientAddress(c), userAgent: clientAgent(c), requestId: c.get("requestId") };
  const later = afterwards.run().then(() => audit.send(origin));
  c.executionCtx.waitUntil(Promise.all([audit.send(origin), later]));
});

export function addAuditRoutes(app: App): void {
  addOperationWithQuery(app, listAuditEventsOperation, (c, query) =>
    forOperator(c, "read_audit_events", async () => {
      const { limit, cursor, user_id: userId, type, since, until } = query;
      const filter = { userId, type, since, until };
      const events = await c.get("services").audits.list(filter, { limit: limit + 1, before: cursor });
      const { items, next_cursor } = toPage(events, limit);
      return c.json({ items: items.map(presentEvent), next_cursor }, 200);
    }),
  );
}
