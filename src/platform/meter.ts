/**
 * Counts what happens, for monitoring. The value of a label must come from a small set, such as the patterns of routes.
 * It must never be an id, a name or a URL. `metrics/families.ts` says what each number means.
 */
export interface Meter {
  count<Name extends keyof Counters>(name: Name, labels: Counters[Name]): void;
  /** Records how long something took. */
  time<Name extends keyof Histograms>(name: Name, labels: Histograms[Name], milliseconds: number): void;
  /** Records how many passwords wait for hashing in this isolate. */
  noteWaiting(passwords: number): void;
}

/** The labels of each counter. */
export interface Counters {
  http_requests: { route: string; method: string; status: string };
  users_created: Record<never, string>;
  logins: { result: string };
  refreshes: { result: string };
  limits_hit: { limit: string };
  emails: { kind: string; state: EmailState };
  hash_lane_refused: Record<never, string>;
  storage_failures: { target: string };
  revocation_copies: { result: Result };
  rpc_calls: { method: string; result: Result };
  cron_runs: { result: Result };
  cron_tasks: { task: string; result: Result };
}

/** The labels of each histogram. */
export interface Histograms {
  http_request_duration_seconds: { route: string; method: string };
  storage_hop_duration_seconds: { target: string };
}

export type Result = "ok" | "failed";

/**
 * What happened to an email. `queued` and `lost` are counted where the email is requested, the others in the consumer
 * of the mail queue.
 */
export type EmailState = "queued" | "lost" | "sent" | "retried" | "refused" | "suppressed" | "not_needed";

/** Counts nothing. */
export const NO_METER: Meter = { count() {}, time() {}, noteWaiting() {} };
