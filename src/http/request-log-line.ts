import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import type { Clock } from "../platform/clock.ts";
import { writeLog } from "../platform/log.ts";
import type { AppEnv } from "./app-env.ts";
import { routeName } from "./routes.ts";

/** In development, the outbox page requests this path every few seconds. A 304 is not logged. */
const POLLED = "/dev/outbox";

/**
 * Counts each request and logs one structured line about it. The line contains the outcome and the pattern of the
 * route, but never the URL, the query, a header or the body.
 */
export function requestLog(clock: Clock, development: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = clock.now();
    await next();
    const hops = c.get("hops");
    if (development && hops.made.length > 0) c.res.headers.set("Server-Timing", hops.serverTiming());
    const { method } = c.req;
    const { status } = c.res;
    const pattern = routePath(c, -1);
    const route = routeName(pattern);
    const duration = clock.now() - startedAt;
    c.get("meter").count("http_requests", { route, method, status: String(status) });
    c.get("meter").time("http_request_duration_seconds", { route, method }, duration);
    if (pattern === POLLED && status === 304) return;
    writeLog("info", {
      event: "request",
      method,
      route: pattern,
      status,
      duration_ms: duration,
      hops: hops.sequential,
      storage_calls: hops.made.length,
      user_id: c.get("userId"),
      error_code: c.get("errorCode"),
    });
  });
}
