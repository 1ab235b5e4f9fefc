/**
 * A user who must have a second factor, but has none, sets one up after the password or the emailed link. The session
 * opens afterwards. Only the routes under `/api/v1/auth/enrolment` accept the enrolment token of the login.
 *
 * The last step takes three round trips: [user ∥ limit] → [add the factor and open the session] → record the login. If
 * the user has no factor key yet, one more round trip, after the first, stores the key. The user is read from D1 first,
 * because D1 is the first to know of a new password. After a change of the password, the token must add no factor.
 */
import * as z from "zod";
import { recoveryCodesSchema } from "../../accounts/recovery-codes.ts";
import type { Services } from "../../endpoint/services.ts";
import type { NewFactorProof } from "../../factors/factor-proofs.ts";
import { type Enrolment, openEnrolment } from "../../factors/pending-login.ts";
import { refuseProof } from "../../factors/refuse-proof.ts";
import type { Client, Exchange } from "../../http/exchange.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { METHODS_OF_FIRST_STEP } from "../../sessions/authentication.ts";
import type { User } from "../../users/user.ts";
import { completeLogin } from "./complete-login.ts";
import { attemptOf, methodOf } from "./first-step.ts";
import { loginSchema } from "./login-schema.ts";
import { isUnproved } from "./refuse-factor.ts";
import { startSession } from "./start-session.ts";

export const enrolmentTokenField = z
  .string()
  .min(1)
  .max(2_048)
  .meta({ description: "The `enrolment_token` of a login.", examples: ["pet_9sVk…"] });

/** The answer of a login with a new second factor. */
export const enrolledSchema = loginSchema.extend({ recovery_codes: recoveryCodesSchema }).meta({ id: "EnrolledLogin" });

interface EnrollingUser {
  enrolment: Enrolment;
  user: User;
  keyringVersion: string;
}

/**
 * Returns the user of an enrolment token, and takes an attempt from the limit `changesPerUser`. Refuses if the account
 * has changed since the login.
 */
export async function readEnrolment(services: Services, token: string, exchange: Exchange) {
  const { keyring, limiter, users } = services;
  const enrolment = await openEnrolment(token, services);
  if (enrolment === undefined) return refuse("invalid_enrolment_token");
  if (enrolment.cookie && !exchange.hasAllowedOrigin()) return refuse("origin_not_allowed");
  const { userId } = enrolment;
  const [{ user, keyringVersion }, limit] = await Promise.all([
    users.findWithKeyringVersion(userId),
    limiter.take([{ rule: "changesPerUser", key: userId }]),
    keyring.warm(),
  ]);
  if (limit.refusal !== undefined) return limit.refusal;
  exchange.addHeaders(limit.headers);
  const isCurrent =
    user?.isActive && user.isVerified && user.sessionEpoch === enrolment.epoch && user.secondFactorSince === null;
  return isCurrent ? { enrolment, user, keyringVersion } : refuse("invalid_enrolment_token", { userId });
}

/**
 * Adds the factor and opens the session, in one call of the user's object. `codes` are the new recovery codes, for the
 * response.
 */
export async function finishEnrolment<Code extends "invalid_factor" | "invalid_passkey">(
  services: Services,
  { enrolment, user, keyringVersion }: EnrollingUser,
  { proof, codes, code }: { proof: NewFactorProof; codes: string[]; code: Code },
  { client, exchange }: { client: Client; exchange: Exchange },
) {
  const { audit, meter, sessions } = services;
  const { id, expiresAt, userId } = enrolment;
  const step = { isExpected: false, proof, login: { id, expiresAt } };
  return startSession(
    services,
    { ...enrolment, client, methods: METHODS_OF_FIRST_STEP[enrolment.by], step },
    async (started) => {
      const opened = await started.opening;
      if (isUnproved(opened)) {
        if (opened.outcome !== "invalid" && opened.outcome !== "limited") {
          return refuse("invalid_enrolment_token", { userId });
        }
        if (opened.outcome === "invalid" && proof.kind === "new_totp") audit.note("second_factor_failed", { userId });
        return refuseProof(opened, code, meter, userId);
      }
      // If the user's object runs an earlier release, it opens a session without adding the factor.
      if (!opened?.factor) {
        if (opened !== null) await sessions.end(userId, started.sessionId);
        return refuse("invalid_enrolment_token", { userId });
      }
      const login = { user, rehash: undefined, keyringVersion, attempt: attemptOf(services, enrolment, client) };
      const details = { ...methodOf(enrolment), factor: opened.factor.kind };
      const completed = { exchange, cookie: enrolment.cookie, details };
      const answer = await completeLogin(services, login, { started, opened }, completed);
      return isRefusal(answer) ? answer : { ...answer, recovery_codes: codes };
    },
  );
}
