import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import { clientAddress, clientAgent } from "../http/client-address.ts";

/** Records audit events and does what was left for after the answer, which may note more events. No client waits for it. */
export const workAfterResponse = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { afterResponse, audit } = c.get("services");
  if (audit.isEmpty && afterResponse.isEmpty) return;
  const origin = { ipAddress: clientAddress(c), userAgent: clientAgent(c), requestId: c.get("requestId") };
  const later = afterResponse.run().then(() => audit.send(origin));
  c.executionCtx.waitUntil(Promise.all([audit.send(origin), later]));
});
