/** The last step of a login with a password. */
import { isFactorDue } from "../../access/factor-policy.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Trust } from "../../factors/trusted-device-token.ts";
import type { Client } from "../../http/exchange.ts";
import { PASSWORD_ALONE } from "../../sessions/authentication.ts";
import type { Opening } from "../../sessions/session-messages.ts";
import { loginNameKeys } from "../../users/login-names.ts";
import { askForFactor } from "./ask-for-factor.ts";
import { finishLogin, type LoginToRecord, recordLogin, refuseSpentBudget } from "./finish-login.ts";
import { isUnproved } from "./refuse-factor.ts";
import { startSession } from "./start-session.ts";

type OpenableLogin = LoginToRecord & {
  body: { device_name?: string | null | undefined; cookie?: boolean | undefined };
  client: Client;
  /** The content of the trusted-device tokens that the client has sent. */
  trusts?: readonly Trust[];
};

/**
 * Opens the session of a user whose password was right, and issues its first tokens. If the user must first prove or
 * set up a second factor, refuses the login and gives the client a token for that step.
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
    // The user's object decides whether a second factor is needed. The user's row in D1 usually predicts the decision.
    // If no factor is expected, the login is recorded while the object decides. If the object then asks for a factor,
    // the success is taken back.
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

/**
 * After a rollback, the user's object may run an earlier release, which opens a session without asking for the factor.
 * Ends such a session.
 */
async function endSessionWithoutFactor(
  { sessions }: Services,
  userId: string,
  isExpected: boolean,
  opening: Promise<Opening>,
): Promise<Opening> {
  const opened = await opening;
  if (opened === null || isUnproved(opened)) return opened;
  // The field `hasSpentLink` tells the releases apart: releases that can't demand a factor don't return it.
  const isUnasked = opened.factor === undefined || (!isExpected && opened.hasSpentLink === undefined);
  if (!isUnasked) return opened;
  await sessions.end(userId, opened.id);
  return isExpected ? { outcome: "lost" } : { outcome: "factor_required", kinds: [] };
}
