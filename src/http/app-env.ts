import type { Hops } from "../platform/hops.ts";
import type { Meter } from "../platform/meter.ts";
import type { ErrorCode } from "./problems.ts";

/** The bindings that HTTP itself uses. `bindings.ts` adds the others by declaration merging. */
export interface AppBindings {
  ASSETS: Fetcher;
  /** Cloudflare's rate limiting. Absent in the container, and if the operator has not bound it. */
  FLOOD_SHIELD?: RateLimit | undefined;
}

/** The variables of Hono's context. `endpoint/` adds the services by declaration merging. */
export interface AppVariables {
  requestId: string;
  /** The storage round trips of this request. */
  hops: Hops;
  meter: Meter;
  /** The validated body and the validated query, each only if the endpoint reads it. */
  body?: unknown;
  query?: unknown;
  /** For the log line of the request: who called, and the code of the refusal. */
  userId?: string;
  errorCode?: ErrorCode;
}

export interface AppEnv {
  Bindings: AppBindings;
  Variables: AppVariables;
}
