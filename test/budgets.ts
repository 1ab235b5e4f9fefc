/**
 * The most that the service may cost: a download, a start, a request. Tests check these budgets, and CI shows them in
 * one table. Only exact numbers are here. CPU times are not, because they depend on the machine (docs/performance.md).
 */

/** Gzipped bytes. `worker` includes Argon2. */
export const SIZE_BUDGETS = { worker: 240 * 1024, client: 6 * 1024, verifier: 12 * 1024, console: 60 * 1024 } as const;

/** What an isolate compiles when it starts: the uncompressed bytes of the script, and the number of its modules. */
export const START_BUDGETS = { scriptBytes: 695 * 1024, modules: 2 } as const;

/** Storage round trips that happen one after another. */
export const HOP_BUDGETS = {
  login: 2,
  refusedLogin: 1,
  refresh: 1,
  me: 1,
  logout: 1,
  logoutEverywhere: 2,
  jwks: 0,
  /** The password is right, but a second factor is needed. The attempt is refunded before the response. */
  loginBeforeFactor: 3,
  trustedLogin: 3,
  secondFactor: 2,
  passkeyLogin: 4,
  passkeyOptions: 0,
  /** First counts in the limits, then sends to the queue. */
  linkRequest: 2,
  /** In the browser that asked for the link. */
  emailLogin: 4,
  /** Also creates the user's factor key, which D1 stores. */
  enrolApp: 3,
  /** A login that ends with the first code of a new authenticator app. */
  enrolment: 3,
  passkeyOptionsOfLogin: 1,
  reauthenticate: 4,
  listFactors: 2,
  changeFactors: 3,
  /** Also creates the user's factor key. */
  addFirstFactor: 4,
  removeFactorsOfUser: 4,
} as const;

/**
 * What the limits of a request cost, without those of its emails: calls of limit objects, rows that these objects
 * write, and alarms that they set. `V6` means an IPv6 address, for which the /48 is counted too.
 */
export const LIMIT_BUDGETS = {
  login: { requests: 4, rowsWritten: 2, alarms: 0 },
  loginFromNewNetwork: { requests: 5, rowsWritten: 3, alarms: 0 },
  wrongPassword: { requests: 4, rowsWritten: 4, alarms: 1 },
  wrongPasswordV6: { requests: 4, rowsWritten: 5, alarms: 1 },
  unknownName: { requests: 3, rowsWritten: 4, alarms: 2 },
  refusedByLimit: { requests: 3, rowsWritten: 0, alarms: 0 },
  register: { requests: 1, rowsWritten: 2, alarms: 1 },
  registerV6: { requests: 1, rowsWritten: 3, alarms: 1 },
  forgotPassword: { requests: 2, rowsWritten: 4, alarms: 2 },
  link: { requests: 1, rowsWritten: 2, alarms: 1 },
} as const;

/**
 * The most that one operation may cost, including the queue messages and the alarms that it causes. A budget is in
 * calls of objects, rows written and calls of D1. The exact numbers of all operations, also of those without a budget,
 * are in test/measure/operations.json and test/measure/d1-calls.json.
 */
export const OPERATION_BUDGETS = {
  register: { objectRequests: 4, objectRowsWritten: 8, d1RowsWritten: 22, d1Calls: 4 },
  verifyEmail: { objectRequests: 4, objectRowsWritten: 8, d1RowsWritten: 10, d1Calls: 1 },
  login: { objectRequests: 6, objectRowsWritten: 7, d1RowsWritten: 6, d1Calls: 2 },
  refusedLogin: { objectRequests: 5, objectRowsWritten: 6, d1RowsWritten: 5, d1Calls: 2 },
  refresh: { objectRequests: 1, objectRowsWritten: 2, d1RowsWritten: 0, d1Calls: 1 },
  me: { objectRequests: 1, objectRowsWritten: 0, d1RowsWritten: 0, d1Calls: 1 },
  verifyByKv: { objectRequests: 0, objectRowsWritten: 0, d1RowsWritten: 0, d1Calls: 0 },
  verifyByRpc: { objectRequests: 1, objectRowsWritten: 0, d1RowsWritten: 0, d1Calls: 1 },
  logout: { objectRequests: 3, objectRowsWritten: 10, d1RowsWritten: 5, d1Calls: 2 },
  secondFactor: { objectRequests: 6, objectRowsWritten: 13, d1RowsWritten: 6, d1Calls: 2 },
  passkeyLogin: { objectRequests: 6, objectRowsWritten: 16, d1RowsWritten: 6, d1Calls: 2 },
  /** A login with the right password, which then asks for the second factor. */
  firstStep: { objectRequests: 6, objectRowsWritten: 6, d1RowsWritten: 5, d1Calls: 2 },
  trustedLogin: { objectRequests: 6, objectRowsWritten: 8, d1RowsWritten: 6, d1Calls: 2 },
  linkRequest: { objectRequests: 6, objectRowsWritten: 11, d1RowsWritten: 0, d1Calls: 2 },
  /** In the browser that asked for the link. Any other browser also sends the code, which a limit counts. */
  emailLogin: { objectRequests: 6, objectRowsWritten: 15, d1RowsWritten: 6, d1Calls: 2 },
  /** Three requests: the login, the new authenticator app, and its first code. */
  enrolment: { objectRequests: 18, objectRowsWritten: 39, d1RowsWritten: 13, d1Calls: 6 },
} as const;

export type OperationName = keyof typeof OPERATION_BUDGETS;

/**
 * The files that build statements of D1. Tests must run all of their code: the plan of a statement is checked only
 * when a test runs it. Only these files may import Drizzle.
 */
export const STATEMENT_FILES = [
  "src/audit/archive.ts",
  "src/audit/event-store.ts",
  "src/audit/event-rows.ts",
  "src/db/*.ts",
  "src/followups/*.ts",
  "src/keys/signing-key-rows.ts",
  "src/mail/suppressions.ts",
  "src/mail/transports/outbox.ts",
  "src/mail/undelivered.ts",
  "src/users/*.ts",
] as const;

const OWN = "One user's object: at most SESSIONS_PER_USER sessions, and those that ended within a token's lifetime.";
const OUTBOX = "Development alone. The last 200 emails are kept.";
const DEVICES = "One user's object: at most 100 devices.";

/** Tables and partial indexes that a statement may read completely, and the reason why each stays small. */
export const READ_WHOLE: Readonly<Record<string, string>> = {
  signing_keys: "A new key is added every few weeks, and none is kept longer than its tokens.",
  users_superusers: "Superusers alone are in this index.",
  outbox: OUTBOX,
  follow_ups:
    "Read in order up to a limit: the first that is due, or the first ones to be counted. The doctor counts all.",
  undelivered_emails: "Counted up to a limit.",
  d1_migrations: "As many rows as there are migrations.",
  sqlite_master: "One user's object: seven tables.",
  sqlite_schema: "As many rows as there are tables and indexes.",
  sessions: OWN,
  authentications: OWN,
  revoked: OWN,
  devices: DEVICES,
  factors: "One user's object: at most 20 factors.",
  trusted_devices: "One user's object: at most 20 trusted devices.",
  spent_tokens: "One user's object: the logins with a second factor of ten minutes.",
};

/** The first words of statements that may sort the rows that they find, and the reason why these rows are few. */
export const SORTED: Readonly<Record<string, string>> = {
  "SELECT id, epoch, generation, rotated_at AS rotatedAt": OWN,
  "SELECT digest, first_seen_at AS firstSeenAt": DEVICES,
  "DELETE FROM devices WHERE digest NOT IN": DEVICES,
  "delete from `outbox`": OUTBOX,
  "select `id`, `recipient`, `subject`": OUTBOX,
  "select `kind`, count(*), min(`id`) from (select `id`, `kind` from `follow_ups`": "Counts up to a limit.",
  "update `audit_events` set `ip_address` = CASE": "One step of a job sorts as many events as it takes.",
  "update `archived_events` set `ip_address` = CASE": "The same in the archive.",
  "SELECT type, sql FROM sqlite_schema": "Tables and indexes.",
  "select CASE WHEN EXISTS (SELECT 1 FROM `audit_events` WHERE `audit_events`.`id` = value":
    "An import brings the order of its users back, as many as one step adds.",
};

/** Parts of statements that may read any table completely, and the reason. Only operators' commands run them. */
export const COPYING: Readonly<Record<string, string>> = {
  "SELECT count(*) AS count, coalesce(sum(1 * CASE typeof(": "Compares a whole backup with the database.",
  "` WHERE true ORDER BY `": "The first page of a table in a backup, in the order of its key.",
  "SELECT (SELECT count(*) FROM users) +": "Whether a place that an import fills has users. Asked once.",
};
