/** The one place that constructs things: from bindings and configuration to what the use cases work with. */
import { createUserAdministration } from "./admin/store.ts";
import { createAuditStore } from "./audit/store.ts";
import { createAuditTrail } from "./audit/trail.ts";
import { createRegistrationStore } from "./auth/store.ts";
import type { Bindings } from "./bindings.ts";
import { createChallenge } from "./challenges/turnstile.ts";
import type { Config } from "./config.ts";
import { openDatabase } from "./db/client.ts";
import { createInvitationStore } from "./invitations/store.ts";
import { createKeyring } from "./keys/keyring.ts";
import { createLimiter, unlimited } from "./limits/limiter.ts";
import { createLoginAttempts, unlimitedAttempts } from "./limits/login-attempts.ts";
import { createMailQueue } from "./mail/requests.ts";
import { createBreaches } from "./passwords/breaches.ts";
import { createHashingLane, type HashingLane, turnsBetweenHashes } from "./passwords/hashing-lane.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createPasswordQuality } from "./passwords/quality.ts";
import { Afterwards } from "./platform/afterwards.ts";
import { systemClock } from "./platform/clock.ts";
import { createSecrets, type Secrets } from "./platform/crypto.ts";
import { Hops } from "./platform/hops.ts";
import { systemRandom } from "./platform/random.ts";
import { createRevocations } from "./sessions/revocations.ts";
import { createSessions } from "./sessions/sessions.ts";
import { createAccessTokens } from "./tokens/access-token.ts";
import { createDeletionStore } from "./users/deletion-store.ts";
import { createEmailChangeStore } from "./users/email-change-store.ts";
import { createUserStore } from "./users/store.ts";

export type Services = ReturnType<typeof createServices>;

/** What an isolate keeps: values alone, derived from the configuration. */
interface Kept {
  secrets: Secrets;
  lane: HashingLane;
}

const keptByConfig = new WeakMap<Config, Kept>();

/** The services of one request, whose storage round trips they count. Costs no I/O. */
export function createServices(bindings: Bindings, config: Config) {
  const clock = systemClock;
  const random = systemRandom;
  const { secrets, lane } = keptFor(config);
  const hops = new Hops(clock);
  const db = openDatabase(bindings.DB, hops);
  const { enforced, rules } = config.limits;
  const { RATE_LIMITER, LOGIN_GUARD } = bindings;
  const afterwards = new Afterwards();
  const audit = createAuditTrail(bindings.AUDIT_QUEUE, hops, clock, random);
  const keyring = createKeyring({ config, db, secrets, audit, clock, random });
  return {
    config,
    clock,
    random,
    secrets,
    hops,
    db,
    keyring,
    users: createUserStore(db),
    registrations: createRegistrationStore(db),
    invitations: createInvitationStore(db),
    emailChanges: createEmailChangeStore(db),
    deletions: createDeletionStore(db),
    administration: createUserAdministration(db),
    sessions: createSessions(bindings.USER_SESSIONS, config, hops),
    revocations: createRevocations(bindings.REVOCATIONS, hops),
    accessTokens: createAccessTokens({ config: config.tokens, keyring, clock, random }),
    passwords: createPasswords(config.passwords, lane, random),
    passwordQuality: createPasswordQuality(
      config.passwords,
      config.productName,
      createBreaches(config.passwords.breachTimeout, hops),
    ),
    challenge: createChallenge(config.turnstile, hops),
    limiter: enforced ? createLimiter(RATE_LIMITER, rules, secrets, hops) : unlimited,
    loginAttempts: enforced ? createLoginAttempts(RATE_LIMITER, LOGIN_GUARD, rules, secrets, hops) : unlimitedAttempts,
    mail: createMailQueue(bindings.MAIL_QUEUE, afterwards, hops, clock, random),
    afterwards,
    audit,
    audits: createAuditStore(db),
  };
}

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
