import { createMiddleware } from "hono/factory";
import { inLogContext } from "../platform/log-context.ts";
import { systemRandom } from "../platform/random.ts";
import { continueTrace } from "../platform/trace.ts";
import type { AppEnv } from "./app-env.ts";

/**
 * Continues the client's trace, or begins a new trace. All log lines of the request contain the id of the trace and the
 * id of the request.
 */
export const requestTrace = createMiddleware<AppEnv>((c, next) =>
  inLogContext(
    { requestId: c.get("requestId"), trace: continueTrace(c.req.header("traceparent"), systemRandom) },
    next,
  ),
);
