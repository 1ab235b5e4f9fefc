/** The end of a login: its record, its first tokens, and the notices that it causes. */
import { changedDemand } from "../../access/factor-policy.ts";
import type { Services } from "../../endpoint/services.ts";
import type { ProvedAttempt } from "../../limits/login-attempts.ts";
import { loginsRule, refuseTooManyLogins } from "../../limits/login-budget.ts";
import { refuse } from "../../platform/refusal.ts";
import type { OpenedSession } from "../../sessions/session-messages.ts";
import { issueTokenPair } from "../../tokens/token-pair.ts";
import { loginNameKeys } from "../../users/login-names.ts";
import type { User } from "../../users/user.ts";
import type { StartedSession } from "./start-session.ts";

/** A login whose password, passkey or other proof was right. `rehash` replaces an outdated password hash. */
export interface ProvedLogin {
  user: User;
  rehash: { from: string; to: string } | undefined;
}

/** `mustShare`: the login guard of the account's other name (email address or username) must learn of the network. */
interface RecordedLogin {
  isRecorded: boolean;
  mustShare: boolean;
}

export interface LoginToRecord extends ProvedLogin {
  keyringVersion: string;
  attempt: ProvedAttempt;
}

/** Refuses a login if the user's budget of logins is used up, and counts the refusal for the metrics. */
export function refuseSpentBudget({ clock, config, meter }: Services, { loginsUntil }: Pick<User, "loginsUntil">) {
  const spent = refuseTooManyLogins(loginsUntil, loginsRule(config.limits), clock.now());
  if (spent !== undefined) meter.count("limits_hit", { limit: "loginsPerUser" });
  return spent;
}

/**
 * Records a login whose session is open or is being opened. `details` go into the audit event. `trusts`: whether the
 * user trusts the device from now on.
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

/**
 * Issues the first tokens of a recorded login, and notifies the owner if the device is new. If the session was not
 * opened or the login was not recorded, ends the session and refuses the login.
 */
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

/** Notifies the owner if the device is new, after the response. */
function announceDevice(
  { afterResponse, mail, sessions }: Services,
  { id: userId }: User,
  { id: sessionId, isNewDevice }: OpenedSession,
  { device, deviceName, userAgent, ipAddress, isAnnounced }: StartedSession["origin"],
): void {
  if (!isNewDevice || !isAnnounced) return;
  const notice = { kind: "new_login", userId, device: deviceName ?? userAgent, ipAddress } as const;
  // Send the notice first, then remember the device. If the isolate is lost in between, the device still counts as new
  // at the next login.
  afterResponse.add(async () => {
    if (await mail.notifyNow(notice)) await sessions.rememberDevice(userId, sessionId, device);
  });
}

/**
 * Refuses a login because of a change during the login. Either other logins have used up the user's budget of logins,
 * or the account has changed. If the account has changed, also undoes the success that the login guards have recorded.
 */
async function answerOvertaken(services: Services, user: User, attempt: ProvedAttempt) {
  const current = await services.users.find(user.id);
  const isUnchanged = current?.isActive && current.sessionEpoch === user.sessionEpoch;
  const spent = isUnchanged ? refuseSpentBudget(services, current) : undefined;
  if (spent === undefined) await attempt.undoSuccess(loginNameKeys(user));
  return spent ?? refuse("invalid_credentials");
}
