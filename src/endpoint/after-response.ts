import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";

/**
 * After the response, sends the audit events, and does the work that the handler left for later. This work may add more
 * events, which are sent when the work is done.
 */
export const workAfterResponse = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { afterResponse, audit } = c.get("services");
  if (audit.isEmpty && afterResponse.isEmpty) return;
  const later = afterResponse.run().then(() => audit.send());
  c.executionCtx.waitUntil(Promise.all([audit.send(), later]));
});
