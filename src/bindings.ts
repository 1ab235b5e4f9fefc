import type { AuditEvent } from "./audit/events.ts";
import type { LoginGuard } from "./limits/login-guard.ts";
import type { RateLimiter } from "./limits/rate-limiter.ts";
import type { MailRequest } from "./mail/requests.ts";
import type { UserSessions } from "./sessions/user-sessions.ts";

/** What the platform gives the Worker (`wrangler.toml`). Configuration values come beside them as text. */
export interface Bindings {
  DB: D1Database;
  USER_SESSIONS: DurableObjectNamespace<UserSessions>;
  RATE_LIMITER: DurableObjectNamespace<RateLimiter>;
  LOGIN_GUARD: DurableObjectNamespace<LoginGuard>;
  REVOCATIONS: KVNamespace;
  MAIL_QUEUE: Queue<MailRequest>;
  AUDIT_QUEUE: Queue<AuditEvent>;
  ASSETS: Fetcher;
  /** Not on every platform. */
  FLOOD_SHIELD?: RateLimit | undefined;
  /** Only with `MAIL_TRANSPORT=cloudflare`. */
  EMAIL?: SendEmail;
}
