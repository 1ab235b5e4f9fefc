import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import type { Clock } from "../platform/clock.ts";
import { writeLog } from "../platform/log.ts";
import type { AppEnv } from "./app-env.ts";

/**
 * Logs one structured line per request: the route pattern, never the URL, and the outcome. No body, header or query is
 * logged.
 */
export function requestLog(clock: Clock, showTiming: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = clock.now();
    await next();
    const hops = c.get("hops");
    if (showTiming && hops.made.length > 0) c.header("Server-Timing", hops.serverTiming());
    writeLog("info", {
      event: "request",
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      duration_ms: clock.now() - startedAt,
      hops: hops.sequential,
      storage_calls: hops.made.length,
      user_id: c.get("userId"),
      error_code: c.get("errorCode"),
    });
  });
}
