/** The last step of a login: the session, its first tokens, and the notices that it causes. */
import { changedDemand, isFactorDue } from "../../access/factor-policy.ts";
import type { Services } from "../../endpoint/services.ts";
import { FACTOR_KINDS } from "../../factors/factor.ts";
import {
  type Enrolment,
  PENDING_LOGIN_LIFETIME,
  type PendingLogin,
  sealEnrolment,
  sealPendingLogin,
} from "../../factors/pending-login.ts";
import type { Trust } from "../../factors/trusted-device-token.ts";
import type { Client } from "../../http/exchange.ts";
import type { ProvedAttempt } from "../../limits/login-attempts.ts";
import { loginsRule, refuseTooManyLogins } from "../../limits/login-budget.ts";
import { MINUTE, SECOND } from "../../platform/clock.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { retry } from "../../platform/retry.ts";
import { type AuthenticationMethod, PASSWORD_ALONE } from "../../sessions/authentication.ts";
import { deviceDigest } from "../../sessions/device.ts";
import type {
  FactorStep,
  LoginOrigin,
  LostFactor,
  OpenedSession,
  Opening,
  UnprovedFactor,
} from "../../sessions/session-messages.ts";
import { issueTokenPair } from "../../tokens/token-pair.ts";
import { loginNameKeys } from "../../users/login-names.ts";
import type { User } from "../../users/user.ts";
import { isUnproved } from "./refuse-factor.ts";

/** A login whose password was right. */
export interface ProvedLogin {
  user: User;
  rehash: { from: string; to: string } | undefined;
}

/** What a user's object needs to know of a login. */
interface RequestedSession {
  userId: string;
  /** The user's session epoch when the password was right. */
  epoch: number;
  deviceName: string | null;
  /** Whether the owner gets an email if the device is new. Not at the first login, which always comes from a new one. */
  isAnnounced: boolean;
  client: Client;
  /** What was proved before the object judges the second factor. */
  methods: readonly AuthenticationMethod[];
  step?: FactorStep;
}

/** A session that is being opened. */
export interface StartedSession {
  sessionId: string;
  opening: Promise<Opening>;
  origin: LoginOrigin & { ipAddress: string };
  now: number;
}

/** `mustShare`: the account's other name must learn of the network. */
interface RecordedLogin {
  isRecorded: boolean;
  mustShare: boolean;
}

export interface LoginToRecord extends ProvedLogin {
  keyringVersion: string;
  attempt: ProvedAttempt;
}

type OpenableLogin = LoginToRecord & {
  body: { device_name?: string | null | undefined; cookie?: boolean | undefined };
  client: Client;
  /** The content of the trusted-device tokens that the client has sent. */
  trusts?: readonly Trust[];
};

/**
 * Opens the session of a user whose password was right, and issues its first tokens. If the user has a second factor, it
 * must be proved first: then nothing is recorded but the pending login, which the client gets.
 */
export async function openSession(services: Services, login: OpenableLogin) {
  const { clock, config } = services;
  const { user, body, client, attempt } = login;
  const spent = refuseSpentBudget(services, user);
  if (spent !== undefined) {
    await attempt.refundGuess();
    return spent;
  }
  const { id: userId, sessionEpoch: epoch } = user;
  const pending = {
    userId,
    epoch,
    by: "password" as const,
    deviceName: body.device_name ?? null,
    isAnnounced: user.lastLoginAt !== null,
  };
  const isExpected = user.secondFactorSince !== null;
  const isDemanded = isFactorDue(config, user, clock.now());
  const trustedDevice = login.trusts?.find((trust) => trust.userId === userId && trust.epoch === epoch)?.id;
  const step = { isExpected, isDemanded, trustedDevice };
  return startSession(services, { ...pending, client, methods: PASSWORD_ALONE, step }, async (started) => {
    // The user's object decides. D1 usually predicts the decision. If it is wrong, a login is recorded that the object
    // refuses.
    const isAsked = isExpected || isDemanded;
    const opening = isAsked ? endSessionWithoutFactor(services, userId, isExpected, started.opening) : started.opening;
    const early = isAsked ? await opening : null;
    if (isUnproved(early)) return askForFactor(services, login, pending, early);
    const details = isExpected && trustedDevice !== undefined ? { trusted_device: trustedDevice } : {};
    const [session, recorded] = await Promise.all([opening, recordLogin(services, login, started, details)]);
    if (isUnproved(session)) {
      if (recorded.isRecorded) await attempt.undoSuccess(loginNameKeys(user));
      return askForFactor(services, login, pending, session, { session_id: started.sessionId });
    }
    return finishLogin(services, login, started, session, recorded);
  });
}

/** Refuses and counts a login if the user's budget of logins is used up. */
export function refuseSpentBudget({ clock, config, meter }: Services, { loginsUntil }: Pick<User, "loginsUntil">) {
  const spent = refuseTooManyLogins(loginsUntil, loginsRule(config.limits), clock.now());
  if (spent !== undefined) meter.count("limits_hit", { limit: "loginsPerUser" });
  return spent;
}

/**
 * After a rollback, an object of an earlier release opens a session without asking for the factor. Ends such a session.
 */
async function endSessionWithoutFactor(
  { sessions }: Services,
  userId: string,
  isExpected: boolean,
  opening: Promise<Opening>,
): Promise<Opening> {
  const opened = await opening;
  if (opened === null || isUnproved(opened)) return opened;
  // One that knows second factors, but not the demand for one, answers nothing about a link.
  const isUnasked = opened.factor === undefined || (!isExpected && opened.hasSpentLink === undefined);
  if (!isUnasked) return opened;
  await sessions.end(userId, opened.id);
  return isExpected ? { outcome: "lost" } : { outcome: "factor_required", kinds: [] };
}

/**
 * Refuses a login with the first step alone, and gives the client what it needs to continue with a second factor. If a
 * `login_succeeded` was recorded too early, `recorded` names its session.
 */
export async function askForFactor(
  services: Services,
  { user, body, attempt }: Pick<OpenableLogin, "user" | "body" | "attempt">,
  pending: Pick<PendingLogin, "userId" | "epoch" | "by" | "deviceName" | "isAnnounced">,
  unproved: UnprovedFactor | LostFactor,
  recorded: { session_id?: string } = {},
) {
  const { factorKey } = user;
  if (unproved.outcome === "factor_required" && unproved.kinds.length === 0) {
    return askToEnrol(services, { ...pending, cookie: body.cookie ?? false }, attempt);
  }
  const details = { reason: "second_factor_required", ...recorded };
  await attempt.refundGuess();
  services.audit.note("login_failed", { userId: user.id, details });
  // D1 and the user's object don't fit: one of them was restored from a backup.
  if (unproved.outcome !== "factor_required" || factorKey === null)
    return refuse("second_factor_lost", { userId: user.id });
  const token = await sealPendingLogin({ ...pending, factorKey, cookie: body.cookie ?? false }, services);
  const members = { factors: unproved.kinds, pending_token: token, expires_in: PENDING_LOGIN_LIFETIME / SECOND };
  return refuse("second_factor_required", { userId: user.id, members });
}

/** In milliseconds: enough to install an app. */
const LONGEST_ENROLMENT = 15 * MINUTE;

/** Refuses a login of a user who must have a second factor and has none, and gives the client a token to set one up. */
async function askToEnrol(
  services: Services,
  login: Omit<Enrolment, "id" | "expiresAt">,
  attempt: OpenableLogin["attempt"],
) {
  const { audit, config } = services;
  const { userId } = login;
  await attempt.refundGuess();
  audit.note("login_failed", { userId, details: { reason: "second_factor_enrolment_required" } });
  // Not longer than a login counts as recent: in a session, setting up a factor needs a recent login too.
  const lifetime = Math.min(config.sessions.reauthenticationMaxAge, LONGEST_ENROLMENT);
  const token = await sealEnrolment(login, lifetime, services);
  const members = { factors: [...FACTOR_KINDS], enrolment_token: token, expires_in: lifetime / SECOND };
  return refuse("second_factor_enrolment_required", { userId, members });
}

/**
 * The attempt of a login whose first step succeeded in an earlier request: with a password, or with an emailed link.
 */
export function attemptOf({ loginAttempts }: Services, { by }: Pick<Enrolment, "by">, client: Client): ProvedAttempt {
  return loginAttempts.proved(client.network, by === "password");
}

/** What the audit event says about the first step of a login. */
export function methodOf({ by }: Pick<Enrolment, "by">): { method?: "email" } {
  return by === "email" ? { method: "email" } : {};
}

/** Asks the user's object for a session. If `finish` fails, the session is ended again, because no client has its tokens. */
export async function startSession<Result>(
  { afterResponse, clock, random, sessions }: Services,
  { userId, epoch, deviceName, isAnnounced, client, methods, step }: RequestedSession,
  finish: (started: StartedSession) => Promise<Result>,
): Promise<Result> {
  const now = clock.now();
  const sessionId = createId(now, random);
  const { ipAddress, userAgent } = client;
  const device = deviceDigest({ deviceName, userAgent, country: client.country });
  const origin = { deviceName, userAgent, ipAddress, device, isAnnounced };
  const opening = sessions.create(userId, sessionId, epoch, origin, methods, step);
  try {
    return await finish({ sessionId, opening, origin, now });
  } catch (error) {
    afterResponse.add(async () => {
      await Promise.allSettled([opening]);
      await retry(() => sessions.takeBack(userId, sessionId));
    });
    throw error;
  }
}

/**
 * Records a login whose session is open or is being opened. `details` are those of the audit event. `trusts`: whether
 * the user trusts the device from now on.
 */
export async function recordLogin(
  { config, followUps, users }: Services,
  { user, rehash, attempt }: LoginToRecord,
  { sessionId, now }: StartedSession,
  details: { method?: "email"; factor?: string; trusted_device?: string } = {},
  trusts = false,
): Promise<RecordedLogin> {
  const about = { actorId: user.id, userId: user.id };
  const succeeded = { ...about, type: "login_succeeded", details: { session_id: sessionId, ...details } } as const;
  const trusted = { ...about, type: "device_trusted", details: { device_id: sessionId } } as const;
  const consequences = followUps.of({ events: trusts ? [succeeded, trusted] : [succeeded] });
  const [isRecorded, { mustShare }] = await Promise.all([
    users.recordLogin(user, rehash, {
      consequences,
      now,
      rule: loginsRule(config.limits),
      demandedAt: changedDemand(config, user, now),
    }),
    attempt.succeed(loginNameKeys(user)),
  ]);
  return { isRecorded, mustShare };
}

/** Issues the first tokens of a login that was recorded, and tells the owner of a new device. */
export async function finishLogin(
  services: Services,
  { user, keyringVersion, attempt }: LoginToRecord,
  { sessionId, origin, now }: StartedSession,
  session: OpenedSession | null,
  { isRecorded, mustShare }: RecordedLogin,
) {
  const { afterResponse, sessions } = services;
  if (session === null || !isRecorded) {
    if (session !== null) await sessions.takeBack(user.id, sessionId);
    return answerOvertaken(services, user, attempt);
  }
  if (mustShare) afterResponse.add(() => attempt.share(loginNameKeys(user)));
  announceDevice(services, user, session, origin);
  const { authentication, expiresAt } = session;
  const issued = { user, sessionId, generation: 1, expiresAt, authentication, keyringVersion };
  return { tokens: await issueTokenPair(services, issued), user: { ...user, lastLoginAt: now } };
}

/** Tells the owner of a new device, after the response. */
function announceDevice(
  { afterResponse, mail, sessions }: Services,
  { id: userId }: User,
  { id: sessionId, isNewDevice }: OpenedSession,
  { device, deviceName, userAgent, ipAddress, isAnnounced }: StartedSession["origin"],
): void {
  if (!isNewDevice || !isAnnounced) return;
  const notice = { kind: "new_login", userId, device: deviceName ?? userAgent, ipAddress } as const;
  // The notice first: if it is lost with the isolate, the device still counts as new at the next login.
  afterResponse.add(async () => {
    if (await mail.notifyNow(notice)) await sessions.rememberDevice(userId, sessionId, device);
  });
}

/**
 * Answers a login that others overtook while the password was checked. They used up the budget, or the account changed:
 * then the success is taken back.
 */
async function answerOvertaken(services: Services, user: User, attempt: ProvedAttempt) {
  const current = await services.users.find(user.id);
  const isUnchanged = current?.isActive && current.sessionEpoch === user.sessionEpoch;
  const spent = isUnchanged ? refuseSpentBudget(services, current) : undefined;
  if (spent === undefined) await attempt.undoSuccess(loginNameKeys(user));
  return spent ?? refuse("invalid_credentials");
}
