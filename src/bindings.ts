import type { AuditEvent } from "./audit/event-types.ts";
import type { AppBindings } from "./http/app-env.ts";
import type { LoginGuard } from "./limits/login-guard-object.ts";
import type { RateLimiter } from "./limits/rate-limiter-object.ts";
import type { MailRequest } from "./mail/requests.ts";
import type { Metrics } from "./metrics/metrics-object.ts";
import type { UserSessions } from "./sessions/user-sessions-object.ts";

declare module "./http/app-env.ts" {
  interface AppBindings {
    DB: D1Database;
    /** A separate database, to which the cron job moves audit events. Optional. */
    AUDIT_DB?: D1Database;
    USER_SESSIONS: DurableObjectNamespace<UserSessions>;
    RATE_LIMITER: DurableObjectNamespace<RateLimiter>;
    LOGIN_GUARD: DurableObjectNamespace<LoginGuard>;
    REVOCATIONS: KVNamespace;
    MAIL_QUEUE: Queue<MailRequest>;
    /**
     * The dead-letter queue of `MAIL_QUEUE`. The Worker itself sends an email there if a server refused it permanently.
     */
    MAIL_DEAD_LETTERS: Queue<MailRequest>;
    AUDIT_QUEUE: Queue<AuditEvent>;
    /** The dead-letter queue of `AUDIT_QUEUE`. Bound only to count the events that wait in it. */
    AUDIT_DEAD_LETTERS?: Queue<AuditEvent>;
    METRICS: DurableObjectNamespace<Metrics>;
    /** Workers Analytics Engine. Optional. */
    ANALYTICS?: AnalyticsEngineDataset;
    /** Only with `MAIL_TRANSPORT=cloudflare`. */
    EMAIL?: SendEmail;
  }
}

/** The Worker's bindings in `wrangler.toml`. The same object also has the configuration variables, which are texts. */
export type Bindings = AppBindings;
