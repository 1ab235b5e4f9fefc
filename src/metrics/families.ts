/**
 * Every counter and histogram: its labels and its meaning. Names follow OpenMetrics: they have base units, and `_total`
 * is appended to the names of counters. Gauges are in `features/service/gauges.ts`, because they are read at the time
 * of a scrape.
 */
import { LIMIT_RULES } from "../config/limit-rules.ts";
import type { Counters, EmailState, Histograms, Result } from "../platform/meter.ts";
import { namesOf } from "../platform/records.ts";

/** The prefix of each metric's name. */
export const PREFIX = "postern_";

/** The upper bounds of the histograms, in seconds. A Worker's clock counts only whole milliseconds. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/**
 * The values that a label can have. Any other value is counted as `other`. `open` accepts every value. Use it only for
 * labels such as routes, which can have only few values.
 */
type LabelValues = readonly string[] | "open";

interface Family<Labels> {
  help: string;
  labels: { [Label in keyof Labels]: LabelValues };
}

const RESULTS = ["ok", "failed"] as const satisfies readonly Result[];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const EMAIL_STATES = ["queued", "lost", "sent", "retried", "refused", "suppressed", "not_needed"] as const;
/** The kinds of `MailEvent`. */
export const EMAIL_KINDS = [
  ...["verify_email", "resend_verification", "invitation", "reset_password", "email_login"],
  ...["password_blocked", "password_changed", "password_removed", "new_login", "refresh_reused"],
  ...["second_factor_added", "second_factor_removed", "recovery_code_used", "recovery_codes_replaced"],
  ...["passkey_counter_fell_back", "second_factors_removed", "second_factor_code"],
  ...["confirm_email", "email_change_requested", "email_changed", "account_deleted"],
];
const LIMITS = [...namesOf(LIMIT_RULES), "floodShield"];
const LOGIN_RESULTS = [
  ...["succeeded", "invalid_credentials", "email_not_verified", "account_disabled", "rate_limited", "busy"],
  ...["second_factor_required", "second_factor_enrolment_required", "second_factor_lost"],
  ...["invalid_factor", "invalid_passkey", "invalid_pending_token", "invalid_enrolment_token"],
  ...["login_code_required", "invalid_login_code", "invalid_token", "expired_token"],
  ...["challenge_failed", "origin_not_allowed", "validation_failed", "unavailable", "internal_error"],
];
const REFRESH_RESULTS = [
  ...[
    "succeeded",
    "no_session",
    "invalid_refresh_token",
    "refresh_token_reused",
    "refresh_token_superseded",
    "rate_limited",
  ],
  ...["origin_not_allowed", "validation_failed", "unavailable", "internal_error"],
];
const TARGETS = ["d1", "audit_d1", "sessions", "limiter", "kv", "queue", "metrics", "assets", "breaches", "turnstile"];

export const COUNTERS: { [Name in keyof Counters]: Family<Counters[Name]> } = {
  http_requests: {
    help: "Requests answered, by route pattern, method and status. Unknown paths are one route.",
    labels: { route: "open", method: METHODS, status: "open" },
  },
  users_created: {
    help: "Accounts created through a link: verified registrations and accepted invitations.",
    labels: {},
  },
  logins: { help: "Logins, by `succeeded` or the error code.", labels: { result: LOGIN_RESULTS } },
  refreshes: {
    help: "Refreshes, by `succeeded` or the error code. refresh_token_reused: a token may have been stolen.",
    labels: { result: REFRESH_RESULTS },
  },
  limits_hit: { help: "Attempts that a limit refused.", labels: { limit: LIMITS } },
  emails: {
    help: "Emails, by kind and by what happened. An email that is retried counts each time.",
    labels: { kind: EMAIL_KINDS, state: EMAIL_STATES satisfies readonly EmailState[] },
  },
  hash_lane_refused: { help: "Passwords that were not hashed because too many were waiting.", labels: {} },
  storage_failures: { help: "Storage round trips that failed, by storage.", labels: { target: TARGETS } },
  revocation_copies: { help: "Writes of revocations to KV, for other Workers.", labels: { result: RESULTS } },
  rpc_calls: {
    help: "Calls by other Workers over RPC.",
    labels: { method: ["verify", "user", "jwks"], result: RESULTS },
  },
  cron_runs: {
    help: "Runs of the cron job. The result is `failed` if at least one task failed.",
    labels: { result: RESULTS },
  },
  cron_tasks: { help: "Tasks of the cron job.", labels: { task: "open", result: RESULTS } },
};

export const HISTOGRAMS: { [Name in keyof Histograms]: Family<Histograms[Name]> } = {
  http_request_duration_seconds: {
    help: "Time until the response, by route pattern and method.",
    labels: { route: "open", method: METHODS },
  },
  storage_hop_duration_seconds: { help: "Storage round trips, by storage.", labels: { target: TARGETS } },
};

/** The name and value of each label of a series, in the order of the family. */
export function boundedValues<Labels>(family: Family<Labels>, labels: Labels): { name: string; value: string }[] {
  return namesOf<Extract<keyof Labels, string>>(family.labels).map((name) => {
    const known: LabelValues = family.labels[name];
    const value = String(labels[name]);
    return { name, value: known === "open" || known.includes(value) ? value : "other" };
  });
}

/**
 * Every series of a family; none if one of its labels is `open`. These series are shown with 0 before their first
 * event, so that a query sees that event as an increase.
 */
export function knownSeries({ labels }: { labels: Record<string, LabelValues> }): { name: string; value: string }[][] {
  return Object.entries(labels).reduce<{ name: string; value: string }[][]>(
    (series, [name, values]) =>
      values === "open" ? [] : series.flatMap((one) => values.map((value) => [...one, { name, value }])),
    [[]],
  );
}
