import type { Hops } from "../platform/hops.ts";
import type { Meter } from "../platform/meter.ts";
import type { ErrorCode } from "./problems.ts";

/** The bindings that HTTP itself uses. `bindings.ts` adds the others by declaration merging. */
export interface AppBindings {
  ASSETS: Fetcher;
  /** Not available on every platform. */
  FLOOD_SHIELD?: RateLimit | undefined;
}

/** What Hono's context carries through a request. `endpoint/` adds the services by declaration merging. */
export interface AppVariables {
  requestId: string;
  /** The storage round trips of this request. */
  hops: Hops;
  meter: Meter;
  /** The validated body and query, if the endpoint reads one. */
  body?: unknown;
  query?: unknown;
  /** For the log line: who called, and why the request was refused. */
  userId?: string;
  errorCode?: ErrorCode;
}

export interface AppEnv {
  Bindings: AppBindings;
  Variables: AppVariables;
}
