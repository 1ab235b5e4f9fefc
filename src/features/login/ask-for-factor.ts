/** A login whose first step succeeded, and which needs a second factor: one that the user has, or a new one. */
import type { Services } from "../../endpoint/services.ts";
import { STRONG_KINDS } from "../../factors/factor.ts";
import {
  type Enrolment,
  PENDING_LOGIN_LIFETIME,
  type PendingLogin,
  sealEnrolment,
  sealPendingLogin,
} from "../../factors/pending-login.ts";
import type { ProvedAttempt } from "../../limits/login-attempts.ts";
import { MINUTE, SECOND } from "../../platform/clock.ts";
import { refuse } from "../../platform/refusal.ts";
import type { LostFactor, UnprovedFactor } from "../../sessions/session-messages.ts";
import type { User } from "../../users/user.ts";
import { mayFollow } from "./first-step.ts";

interface AskedLogin {
  user: User;
  body: { cookie?: boolean | undefined };
  attempt: ProvedAttempt;
}

/**
 * Refuses a login that has passed only its first step, and gives the client a token to continue with a second factor.
 * If the audit event `login_succeeded` was already recorded for this login, `recorded` has the id of its session.
 */
export async function askForFactor(
  services: Services,
  { user, body, attempt }: AskedLogin,
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
  // D1 and the user's object contradict each other: one of them was restored from a backup.
  if (unproved.outcome !== "factor_required" || factorKey === null)
    return refuse("second_factor_lost", { userId: user.id });
  const token = await sealPendingLogin({ ...pending, factorKey, cookie: body.cookie ?? false }, services);
  const factors = unproved.kinds.filter((kind) => mayFollow(pending, kind));
  const members = { factors, pending_token: token, expires_in: PENDING_LOGIN_LIFETIME / SECOND };
  return refuse("second_factor_required", { userId: user.id, members });
}

/** In milliseconds. Enough time to install an app. */
const LONGEST_ENROLMENT = 15 * MINUTE;

/** Refuses a login of a user who must have a second factor and has none, and gives the client a token to set one up. */
async function askToEnrol(services: Services, login: Omit<Enrolment, "id" | "expiresAt">, attempt: ProvedAttempt) {
  const { audit, config } = services;
  const { userId } = login;
  await attempt.refundGuess();
  audit.note("login_failed", { userId, details: { reason: "second_factor_enrolment_required" } });
  // The token works at most as long as a login counts as recent: adding a factor in a session needs a recent login too.
  const lifetime = Math.min(config.sessions.reauthenticationMaxAge, LONGEST_ENROLMENT);
  const token = await sealEnrolment(login, lifetime, services);
  const members = { factors: [...STRONG_KINDS], enrolment_token: token, expires_in: lifetime / SECOND };
  return refuse("second_factor_enrolment_required", { userId, members });
}
