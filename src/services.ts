/** The one place that constructs services, from bindings and configuration. */
import { createFollowUps } from "./accounts/follow-ups.ts";
import { createAuditEventStore } from "./audit/audit-events.ts";
import type { AuditOrigin } from "./audit/event-types.ts";
import { createAuditTrail } from "./audit/trail.ts";
import type { Bindings } from "./bindings.ts";
import type { Config } from "./config/config.ts";
import { openDatabase } from "./db/client.ts";
import type { Services } from "./endpoint/services.ts";
import { createFollowUpRows } from "./followups/follow-up-rows.ts";
import { createKeyring } from "./keys/keyring.ts";
import { createLimiter, unlimited } from "./limits/budgets.ts";
import { createLoginAttempts, unlimitedAttempts } from "./limits/login-attempts.ts";
import { createChallenge } from "./limits/turnstile.ts";
import { createMailQueue } from "./mail/requests.ts";
import { createSuppressionList } from "./mail/suppressions.ts";
import { createMetricsStore } from "./metrics/hand-over.ts";
import { createMeter } from "./metrics/meter.ts";
import { createQueueDepths } from "./metrics/queue-depths.ts";
import { isolateTally } from "./metrics/tally.ts";
import { createBreaches } from "./passwords/breaches.ts";
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
import { createRevocations } from "./sessions/revocations.ts";
import { createSessions } from "./sessions/session-calls.ts";
import { createAccessTokens } from "./tokens/access-token.ts";
import { createUserAdministration } from "./users/administration.ts";
import { createDeletionStore } from "./users/deletions.ts";
import { createEmailChangeStore } from "./users/email-changes.ts";
import { createFirstSuperuserStore } from "./users/first-superuser.ts";
import { createInvitationStore } from "./users/invitations.ts";
import { createProfileStore } from "./users/profiles.ts";
import { createRegistrationStore } from "./users/registrations.ts";
import { createUserStore } from "./users/users.ts";
import { VERSION } from "./version.ts";

/** Of work that no request over HTTP asked for. */
const NO_ORIGIN: AuditOrigin = { ipAddress: null, userAgent: null, requestId: null };

/** The services of one request, whose storage round trips they count. Each is created on first use, without I/O. */
export function createServices(bindings: Bindings, config: Config, origin: AuditOrigin = NO_ORIGIN): Services {
  const { LOGIN_GUARD, RATE_LIMITER } = bindings;
  const { enforced, rules } = config.limits;
  const { productName } = config;
  const isCounting = config.metrics.token !== undefined;
  return lazily<Services>({
    config: () => config,
    clock: () => systemClock,
    random: () => systemRandom,
    secrets: () => keptFor(config).secrets,
    meter: () => createMeter(isCounting ? isolateTally : undefined, bindings.ANALYTICS),
    metrics: (parts) => (isCounting ? createMetricsStore(bindings.METRICS, isolateTally, parts) : undefined),
    hops: ({ clock, meter }) => new Hops(clock, meter),
    afterResponse: () => new AfterResponse(),
    db: ({ hops }) => openDatabase(bindings.DB, hops),
    users: ({ db }) => createUserStore(db),
    profiles: ({ db }) => createProfileStore(db),
    registrations: ({ db }) => createRegistrationStore(db),
    invitations: ({ db }) => createInvitationStore(db),
    firstSuperuser: ({ db }) => createFirstSuperuserStore(db),
    emailChanges: ({ db }) => createEmailChangeStore(db),
    deletions: ({ db }) => createDeletionStore(db),
    administration: ({ db }) => createUserAdministration(db),
    sessions: ({ hops }) => createSessions(bindings.USER_SESSIONS, config, hops, currentTraceparent()),
    revocations: ({ hops }) => createRevocations(bindings.REVOCATIONS, hops),
    keyring: (services) => createKeyring(services),
    accessTokens: ({ keyring, clock, random }) => createAccessTokens({ config: config.tokens, keyring, clock, random }),
    passwords: ({ meter, random }) => createPasswords(config.passwords, keptFor(config).lane, random, meter),
    passwordQuality: ({ hops }) =>
      createPasswordQuality(config.passwords, productName, createBreaches(config.passwords.breachTimeout, hops)),
    limiter: (parts) => (enforced ? createLimiter(RATE_LIMITER, rules, parts) : unlimited),
    loginAttempts: (parts) =>
      enforced ? createLoginAttempts(RATE_LIMITER, LOGIN_GUARD, rules, parts) : unlimitedAttempts,
    challenge: ({ hops }) => createChallenge(config.turnstile, hops),
    mail: (parts) => createMailQueue(bindings.MAIL_QUEUE, parts, currentTraceparent()),
    suppressions: ({ db, secrets }) => createSuppressionList(db, secrets),
    audit: (services) => createAuditTrail(bindings.AUDIT_QUEUE, origin, services),
    followUpRows: ({ db }) => createFollowUpRows(db),
    followUps: (services) => createFollowUps(services, origin),
    queueDepths: (parts) => createQueueDepths(bindings, parts),
    auditEvents: ({ db }) => createAuditEventStore(db),
  });
}

/** How an isolate logs. `waitUntil` keeps it alive while it reports an error. */
export function logSettingsOf({ log, sentry }: Config, waitUntil: (work: Promise<void>) => void) {
  const { envelopeUrl, environment } = sentry;
  if (envelopeUrl === undefined) return log;
  const project = { envelopeUrl, environment, release: `postern@${VERSION}` };
  return { ...log, report: createErrorReports(project, { clock: systemClock, random: systemRandom, waitUntil }) };
}

/** What an isolate keeps: values only, derived from the configuration. */
interface Kept {
  secrets: Secrets;
  lane: HashingLane;
}

const keptByConfig = new WeakMap<Config, Kept>();

function keptFor(config: Config): Kept {
  const kept = keptByConfig.get(config);
  if (kept !== undefined) return kept;
  const made = {
    secrets: createSecrets(config.secret.current, config.secret.previous),
    lane: createHashingLane(config.passwords.laneLength, turnsBetweenHashes(config.passwords.scrypt), systemClock),
  };
  keptByConfig.set(config, made);
  return made;
}
