/** The one place that constructs services, from bindings and configuration. */
import { createFollowUps } from "./accounts/follow-ups.ts";
import { createAuditEventStore } from "./audit/event-store.ts";
import { type AuditOrigin, NO_REQUEST } from "./audit/event-types.ts";
import { createAuditTrail } from "./audit/trail.ts";
import type { Bindings } from "./bindings.ts";
import type { Config } from "./config/config.ts";
import { openDatabase } from "./db/client.ts";
import type { Services } from "./endpoint/services.ts";
import { createFactors } from "./factors/factor-calls.ts";
import { createFollowUpRows } from "./followups/follow-up-rows.ts";
import { createKeyring } from "./keys/keyring.ts";
import { createLimiter, unlimited } from "./limits/budgets.ts";
import { createLoginAttempts, unlimitedAttempts } from "./limits/login-attempts.ts";
import { createChallenge } from "./limits/turnstile.ts";
import { createMailQueue } from "./mail/requests.ts";
import { createSuppressionList } from "./mail/suppressions.ts";
import { createMailThemeReader } from "./mail/theme-reader.ts";
import { createUndeliveredMails } from "./mail/undelivered.ts";
import { createMetricsStore } from "./metrics/hand-over.ts";
import { createMeter } from "./metrics/meter.ts";
import { createQueueDepths } from "./metrics/queue-depths.ts";
import { isolateTally } from "./metrics/tally.ts";
import { createBreaches } from "./passwords/breaches.ts";
import { type CommonPasswords, createCommonPasswords } from "./passwords/common-passwords.ts";
import { createHashingLane, type HashingLane, turnsBetweenHashes } from "./passwords/hashing-lane.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createPasswordQuality } from "./passwords/quality.ts";
import { AfterResponse } from "./platform/after-response.ts";
import { systemClock } from "./platform/clock.ts";
import { createSecrets, type Secrets } from "./platform/crypto.ts";
import { createErrorReports } from "./platform/error-reports.ts";
import { Hops } from "./platform/hops.ts";
import { currentTraceparent } from "./platform/log-context.ts";
import { systemRandom } from "./platform/random.ts";
import { lazily } from "./platform/records.ts";
import { createRevocations } from "./sessions/revocations-health.ts";
import { createSessions } from "./sessions/session-calls.ts";
import { createAccessTokens } from "./tokens/access-token.ts";
import { createUserAdministration } from "./users/administration.ts";
import { createDeletionStore } from "./users/deletions.ts";
import { createEmailChangeStore } from "./users/email-changes.ts";
import { createFactorKeyStore } from "./users/factor-keys.ts";
import { createFirstSuperuserStore } from "./users/first-superuser.ts";
import { createInvitationStore } from "./users/invitations.ts";
import { createProfileStore } from "./users/profiles.ts";
import { createRegistrationStore } from "./users/registrations.ts";
import { createUserSearch } from "./users/search.ts";
import { createUserTotalStore } from "./users/user-totals.ts";
import { createUserStore } from "./users/users.ts";
import { VERSION } from "./version.ts";

/** What the services are created from. */
interface Given {
  bindings: Bindings;
  config: Config;
  origin: AuditOrigin;
}

/**
 * The services of one request or other invocation, which also count the storage round trips of this invocation. Each
 * service is created on first use, without I/O.
 */
export function createServices(bindings: Bindings, config: Config, origin: AuditOrigin = NO_REQUEST): Services {
  return createLazily({ bindings, config, origin });
}

const createLazily = lazily<Services, Given>({
  config: (_, { config }) => config,
  clock: () => systemClock,
  random: () => systemRandom,
  secrets: (_, { config }) => keptFor(config).secrets,
  meter: (_, { bindings, config }) => createMeter(isolateTally, bindings.ANALYTICS, { isAll: isCountingAll(config) }),
  metrics: (parts, { bindings, config }) =>
    createMetricsStore(bindings.METRICS, isolateTally, parts, { isAll: isCountingAll(config) }),
  hops: ({ clock, meter }) => new Hops(clock, meter),
  afterResponse: () => new AfterResponse(),
  db: ({ hops }, { bindings }) => openDatabase(bindings.DB, hops),
  users: ({ db }) => createUserStore(db),
  userTotals: ({ db }) => createUserTotalStore(db),
  profiles: ({ db }) => createProfileStore(db),
  registrations: ({ db }) => createRegistrationStore(db),
  invitations: ({ db }) => createInvitationStore(db),
  firstSuperuser: ({ db }) => createFirstSuperuserStore(db),
  emailChanges: ({ db }) => createEmailChangeStore(db),
  deletions: ({ db }) => createDeletionStore(db),
  administration: ({ db }) => createUserAdministration(db),
  userSearch: ({ db }) => createUserSearch(db),
  sessions: ({ hops }, { bindings, config, origin }) =>
    createSessions(bindings.USER_SESSIONS, config, hops, { origin, traceparent: currentTraceparent() }),
  factorKeys: ({ db }) => createFactorKeyStore(db),
  factors: ({ hops }, { bindings, config, origin }) =>
    createFactors(bindings.USER_SESSIONS, config, hops, { origin, traceparent: currentTraceparent() }),
  revocations: ({ hops }, { bindings }) => createRevocations(bindings.REVOCATIONS, hops),
  keyring: (services) => createKeyring(services),
  accessTokens: ({ keyring, clock, random }, { config }) =>
    createAccessTokens({ config: config.tokens, keyring, clock, random }),
  passwords: ({ meter, random }, { config }) => createPasswords(config.passwords, keptFor(config).lane, random, meter),
  passwordQuality: ({ hops }, { bindings, config }) =>
    createPasswordQuality(config.passwords, config.productName, {
      isCommon: keptFor(config).commonPasswords.in(bindings.ASSETS, hops),
      breaches: createBreaches(config.passwords.breachTimeout, hops),
    }),
  limiter: (parts, { bindings, config: { limits } }) =>
    limits.enforced ? createLimiter(bindings.RATE_LIMITER, limits.rules, parts) : unlimited,
  loginAttempts: (parts, { bindings, config: { limits } }) =>
    limits.enforced
      ? createLoginAttempts(bindings.RATE_LIMITER, bindings.LOGIN_GUARD, limits.rules, parts)
      : unlimitedAttempts,
  challenge: ({ hops }, { config }) => createChallenge(config.turnstile, hops),
  mail: (parts, { bindings }) => createMailQueue(bindings.MAIL_QUEUE, parts, currentTraceparent()),
  mailTheme: ({ hops }, { bindings }) => createMailThemeReader(bindings.ASSETS, hops),
  undeliveredMails: ({ db }) => createUndeliveredMails(db),
  suppressions: ({ db, secrets }) => createSuppressionList(db, secrets),
  audit: (services, { bindings, origin }) => createAuditTrail(bindings.AUDIT_QUEUE, origin, services),
  followUpRows: ({ db }) => createFollowUpRows(db),
  followUps: (services, { origin }) => createFollowUps(services, origin),
  queueDepths: (parts, { bindings }) => createQueueDepths(bindings, parts),
  auditEvents: ({ db, hops }, { bindings: { AUDIT_DB } }) =>
    createAuditEventStore(db, AUDIT_DB && openDatabase(AUDIT_DB, hops, "audit_d1")),
});

/** Whether to count everything: only if the service has `/metrics`. */
function isCountingAll({ metrics }: Config): boolean {
  return metrics.token !== undefined;
}

/** The log settings of an isolate. `waitUntil` keeps the isolate alive while it reports an error to Sentry. */
export function logSettingsOf({ log, sentry }: Config, waitUntil: (work: Promise<void>) => void) {
  const { envelopeUrl, environment } = sentry;
  if (envelopeUrl === undefined) return log;
  const project = { envelopeUrl, environment, release: `postern@${VERSION}` };
  return { ...log, report: createErrorReports(project, { clock: systemClock, random: systemRandom, waitUntil }) };
}

/** What an isolate keeps between requests: values from the configuration or an asset, and the queue for hashing. */
interface Kept {
  secrets: Secrets;
  lane: HashingLane;
  commonPasswords: CommonPasswords;
}

const keptByConfig = new WeakMap<Config, Kept>();

function keptFor(config: Config): Kept {
  const kept = keptByConfig.get(config);
  if (kept !== undefined) return kept;
  const made = {
    secrets: createSecrets(config.secret.current, config.secret.previous),
    lane: createHashingLane(config.passwords.laneLength, turnsBetweenHashes(config.passwords.scrypt), systemClock),
    commonPasswords: createCommonPasswords(),
  };
  keptByConfig.set(config, made);
  return made;
}
