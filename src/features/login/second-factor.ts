/**
 * The second step of a login takes two round trips: [check the code and open the session ∥ user] → record the login. In
 * one call, the user's object checks the code, marks it as used, and opens the session.
 */
import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { typedCode, typedEmailCode, typedRecoveryCode } from "../../factors/factor.ts";
import { openFactorKey } from "../../factors/factor-key.ts";
import type { FactorProof } from "../../factors/factor-proofs.ts";
import { authenticationResponse } from "../../factors/passkeys/credential-json.ts";
import { readPasskeyProof } from "../../factors/passkeys/read-proof.ts";
import { openPendingLogin, type PendingLogin } from "../../factors/pending-login.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { METHODS_OF_FIRST_STEP } from "../../sessions/authentication.ts";
import { completeLogin } from "./complete-login.ts";
import { attemptOf, mayFollow, methodOf } from "./first-step.ts";
import { pendingTokenField, secondLoginSchema } from "./login-schema.ts";
import { isUnproved, refuseFactor } from "./refuse-factor.ts";
import { startSession } from "./start-session.ts";
import { endOfTrust, handOutTrust } from "./trusted-device.ts";

const secondFactorBody = z
  .strictObject({
    pending_token: pendingTokenField,
    totp: typedCode.optional(),
    recovery_code: typedRecoveryCode.optional(),
    email_code: typedEmailCode.optional().meta({ description: "From `POST /api/v1/auth/second-factor/email`." }),
    passkey: authenticationResponse.optional(),
    trust_device: z
      .boolean()
      .optional()
      .meta({ description: "For a while, logins from this device need no second factor." }),
  })
  .refine((body) => [body.totp, body.recovery_code, body.email_code, body.passkey].filter(Boolean).length === 1, {
    path: ["totp"],
    message: "Send one of totp, recovery_code, email_code and passkey.",
  });

export const proveSecondFactor = endpoint(
  {
    id: "proveSecondFactor",
    method: "post",
    path: "/api/v1/auth/second-factor",
    tag: "Authentication",
    summary: "Log in with a second factor",
    description:
      "Finishes a login that was answered with `second_factor_required`. A code works once. The login's `cookie` decides whether tokens go into cookies.",
    body: () => secondFactorBody,
    limits: [takenByHandler("secondFactorPerUser"), takenByHandler("loginsPerUser")],
    outcomes: "logins",
    success: { status: 200, description: "A new session.", schema: secondLoginSchema },
    refusals: ["invalid_pending_token", "invalid_factor", "invalid_credentials", "origin_not_allowed", "rate_limited"],
  },
  async (services, { body, client, exchange }) => {
    const { keyring, sessions, users } = services;
    const pending = await openPendingLogin(body.pending_token, services);
    if (pending === undefined) return refuse("invalid_pending_token");
    if (pending.cookie && !exchange.hasAllowedOrigin()) return refuse("origin_not_allowed");
    const { userId } = pending;
    const proof = await proofOf(services, body, pending);
    if (proof === undefined) return refuse("invalid_factor", { userId });
    const trustUntil = body.trust_device ? endOfTrust(services) : undefined;
    const step = { isExpected: true, proof, login: { id: pending.id, expiresAt: pending.expiresAt }, trustUntil };
    const methods = METHODS_OF_FIRST_STEP[pending.by];
    return startSession(services, { ...pending, client, methods, step }, async (started) => {
      const [opened, { user, keyringVersion }] = await Promise.all([
        started.opening,
        users.findWithKeyringVersion(userId),
        keyring.warm(),
      ]);
      if (isUnproved(opened)) {
        if (opened.outcome === "factor_required" || opened.outcome === "lost") {
          throw new Error("The second factor was not judged.");
        }
        if (opened.outcome === "spent") return refuse("invalid_pending_token", { userId });
        return refuseFactor(services, { userId, isCode: proof.kind !== "passkey" }, opened);
      }
      // Either the user's object runs an earlier release, which opens a session without checking the factor. Or the
      // account has changed since the first step of the login.
      if (!opened?.factor || user === undefined || !user.isActive || user.sessionEpoch !== pending.epoch) {
        if (opened !== null) await sessions.takeBack(userId, started.sessionId);
        return refuse("invalid_pending_token", { userId });
      }
      const login = { user, rehash: undefined, keyringVersion, attempt: attemptOf(services, pending, client) };
      const trusts = trustUntil !== undefined;
      const details = { ...methodOf(pending), factor: proof.kind };
      const completed = { exchange, cookie: pending.cookie, details, trusts };
      const answer = await completeLogin(services, login, { started, opened }, completed);
      if (isRefusal(answer)) return answer;
      const trust = trusts ? { id: opened.id, userId, epoch: pending.epoch, expiresAt: trustUntil } : undefined;
      return { ...answer, ...(await handOutTrust(services, exchange, trust, pending.cookie)) };
    });
  },
);

/**
 * Makes the proof that the user's object checks. Returns `undefined` if the passkey's challenge has expired or was not
 * made for this user, if an emailed code follows an emailed link, or if the user's factor key can't be decrypted.
 */
async function proofOf(
  services: Services,
  { totp, recovery_code: recoveryCode = "", email_code: emailCode, passkey }: z.output<typeof secondFactorBody>,
  pending: PendingLogin,
): Promise<FactorProof | undefined> {
  const { userId, factorKey } = pending;
  if (passkey !== undefined) return readPasskeyProof(services, passkey, "second-factor", userId);
  const key = await openFactorKey(userId, factorKey, services.secrets);
  if (key === undefined) return undefined;
  if (emailCode !== undefined) {
    return mayFollow(pending, "email") ? { kind: "email", code: emailCode, key } : undefined;
  }
  return totp === undefined ? { kind: "recovery_code", code: recoveryCode, key } : { kind: "totp", code: totp, key };
}
