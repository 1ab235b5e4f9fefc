import type { Bindings } from "../bindings.ts";
import type { Services } from "../services.ts";
import type { ErrorCode } from "./problems.ts";

/** What Hono's context carries through a request. */
export interface AppEnv {
  Bindings: Bindings;
  Variables: {
    requestId: string;
    services: Services;
    /** For the log line: who asked, and what was refused. */
    userId?: string;
    errorCode?: ErrorCode;
  };
}
