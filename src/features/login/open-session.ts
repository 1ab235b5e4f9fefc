/** The last step of a login: the session, its first tokens, and the notice of a new device. */
import type { LimitRule } from "../../config/limit-rules.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Client } from "../../http/exchange.ts";
import type { LoginAttempt } from "../../limits/login-attempts.ts";
import { loginsRule, refuseTooManyLogins } from "../../limits/login-budget.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { retry } from "../../platform/retry.ts";
import { PASSWORD_ALONE } from "../../sessions/authentication.ts";
import { deviceDigest } from "../../sessions/device.ts";
import type { LoginOrigin } from "../../sessions/session-messages.ts";
import { issueTokenPair } from "../../tokens/token-pair.ts";
import type { LoginCandidates } from "../../users/login-candidates.ts";
import { loginNameKeys } from "../../users/login-names.ts";
import type { User } from "../../users/user.ts";

/** A login whose password was right. */
export interface ProvedLogin {
  user: User;
  rehash: { from: string; to: string } | undefined;
}

/** A session that is being opened. */
interface Opening {
  sessionId: string;
  opening: ReturnType<Services["sessions"]["create"]>;
  origin: LoginOrigin & { ipAddress: string };
  now: number;
  rule: LimitRule | undefined;
}

type OpenableLogin = ProvedLogin & {
  body: { device_name?: string | null | undefined };
  client: Client;
  candidates: LoginCandidates;
  attempt: LoginAttempt;
};

/** Opens the session of a user who has proved who they are, and issues its first tokens. */
export async function openSession(services: Services, login: OpenableLogin) {
  const { afterResponse, clock, config, meter, random, sessions } = services;
  const { user, body, client, attempt } = login;
  const now = clock.now();
  const rule = loginsRule(config.limits);
  const spent = refuseTooManyLogins(user.loginsUntil, rule, now);
  if (spent !== undefined) {
    meter.count("limits_hit", { limit: "loginsPerUser" });
    await attempt.refundGuess();
    return spent;
  }
  const sessionId = createId(now, random);
  const { ipAddress, userAgent } = client;
  const deviceName = body.device_name ?? null;
  const device = deviceDigest({ deviceName, userAgent, country: client.country });
  // The first login is always from a new device.
  const isAnnounced = user.lastLoginAt !== null;
  const origin = { deviceName, userAgent, ipAddress, device, isAnnounced };
  const opening = sessions.create(user.id, sessionId, user.sessionEpoch, origin, PASSWORD_ALONE);
  try {
    return await recordLogin(services, login, { sessionId, opening, origin, now, rule });
  } catch (error) {
    // No client has its tokens.
    afterResponse.add(async () => {
      await Promise.allSettled([opening]);
      await retry(() => sessions.end(user.id, sessionId));
    });
    throw error;
  }
}

/** Records a login while its session is being opened. Then issues the first tokens, and tells the owner of a new device. */
async function recordLogin(
  services: Services,
  { user, rehash, candidates, attempt }: OpenableLogin,
  { sessionId, opening, origin, now, rule }: Opening,
) {
  const { afterResponse, followUps, mail, sessions, users } = services;
  const names = loginNameKeys(user);
  const details = { session_id: sessionId };
  const consequences = followUps.of({
    events: [{ type: "login_succeeded", actorId: user.id, userId: user.id, details }],
  });
  const [session, isRecorded, { mustShare }] = await Promise.all([
    opening,
    users.recordLogin(user, rehash, { consequences, now, rule }),
    attempt.succeed(names),
  ]);
  if (session === null || !isRecorded) {
    if (session !== null) await sessions.end(user.id, sessionId);
    return answerOvertaken(services, user, attempt, rule);
  }
  if (mustShare) afterResponse.add(() => attempt.share(names));
  if (session.isNewDevice && origin.isAnnounced) {
    const { device, deviceName, userAgent, ipAddress } = origin;
    const notice = { kind: "new_login", userId: user.id, device: deviceName ?? userAgent, ipAddress } as const;
    // The notice first: if it is lost with the isolate, the device still counts as new at the next login.
    afterResponse.add(async () => {
      if (await mail.notifyNow(notice)) await sessions.rememberDevice(user.id, sessionId, device);
    });
  }
  const { keyringVersion } = candidates;
  const { authentication, expiresAt } = session;
  const issued = { user, sessionId, generation: 1, expiresAt, authentication, keyringVersion };
  const tokens = await issueTokenPair(services, issued);
  return { tokens, user: { ...user, lastLoginAt: now } };
}

/**
 * Answers a login that others overtook while the password was checked. They used up the budget, or the account changed:
 * then the success is taken back.
 */
async function answerOvertaken(services: Services, user: User, attempt: LoginAttempt, rule: LimitRule | undefined) {
  const { clock, meter, users } = services;
  const current = await users.find(user.id);
  const isUnchanged = current?.isActive && current.sessionEpoch === user.sessionEpoch;
  const spent = isUnchanged ? refuseTooManyLogins(current.loginsUntil, rule, clock.now()) : undefined;
  if (spent === undefined) await attempt.undoSuccess(loginNameKeys(user));
  else meter.count("limits_hit", { limit: "loginsPerUser" });
  return spent ?? refuse("invalid_credentials");
}
