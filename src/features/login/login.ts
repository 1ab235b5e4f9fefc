/**
 * A login takes two round trips: [limits ∥ user by name ∥ challenge] → hash → [open the session ∥ record the login].
 * Account state is revealed only after a correct password.
 */
import * as z from "zod";
import { factorRequiredFrom } from "../../access/factor-policy.ts";
import { blockAfterLastGuess, checkPassword } from "../../accounts/check-password.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { trustedDeviceToken } from "../../factors/trusted-device-token.ts";
import type { LoginAttempt } from "../../limits/login-attempts.ts";
import { turnstileToken } from "../../limits/turnstile.ts";
import { typedPassword } from "../../passwords/policy.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { isRefusal, type Refusal, refuse } from "../../platform/refusal.ts";
import { personName, typedEmail, typedUsername } from "../../users/fields.ts";
import type { LoginCandidates } from "../../users/login-candidates.ts";
import { canonicalName, type LoginName, loginNameKey, loginNameKeys } from "../../users/login-names.ts";
import { presentUser, type User, wasNeverProved } from "../../users/user.ts";
import type { ProvedLogin } from "./finish-login.ts";
import { loginSchema } from "./login-schema.ts";
import { openSession } from "./open-session.ts";
import { handOut } from "./refresh-cookie.ts";
import { clearTrustOf, readTrusts } from "./trusted-device.ts";

const loginBody = z
  .strictObject({
    email: typedEmail.min(1, "Enter the email address.").optional(),
    username: typedUsername.min(1, "Enter the username.").optional(),
    password: typedPassword,
    device_name: personName
      .optional()
      .meta({ description: "The name in the list of sessions.", examples: ["Ada's phone"] }),
    cookie: z
      .boolean()
      .optional()
      .meta({ description: "Keep the refresh token in an HttpOnly cookie instead of returning it." }),
    trusted_device_token: trustedDeviceToken.optional().meta({
      description:
        "The token of a trusted device: the login then needs no second factor. In cookie mode it is in a cookie instead.",
    }),
    turnstile_token: turnstileToken,
  })
  .refine((body) => (body.email === undefined) !== (body.username === undefined), {
    path: ["email"],
    message: "Send either an email or a username.",
  });

export const login = endpoint(
  {
    id: "login",
    method: "post",
    path: "/api/v1/auth/login",
    tag: "Authentication",
    summary: "Log in",
    description:
      "By email or username. Whether an account is unverified or disabled is revealed only after a correct password. With `cookie: true` the refresh token travels only in an HttpOnly cookie.",
    body: () => loginBody,
    // Without this check, another site could log a browser in to the attacker's account (login CSRF).
    admit: (_, { body, exchange }) =>
      body.cookie && !exchange.hasAllowedOrigin() ? refuse("origin_not_allowed") : undefined,
    limits: [
      takenByHandler("loginPerAddress"),
      takenByHandler("loginPerAccountAndAddress"),
      takenByHandler("loginPerAccount"),
      takenByHandler("loginsPerUser"),
    ],
    outcomes: "logins",
    success: {
      status: 200,
      description: "A new session.",
      schema: loginSchema,
    },
    refusals: [
      "invalid_credentials",
      "second_factor_required",
      "second_factor_enrolment_required",
      "second_factor_lost",
      "email_not_verified",
      "account_disabled",
      "origin_not_allowed",
      "challenge_failed",
      "rate_limited",
      "busy",
      "unavailable",
    ],
  },
  async (services, { body, client, exchange }) => {
    const name: LoginName =
      body.email === undefined ? { username: canonicalName(body.username ?? "") } : { email: body.email };
    // Counts attempts for every name, even if no account has it. So a 429 does not reveal which accounts exist.
    const taking = services.loginAttempts.take(loginNameKey(name), client.network);
    try {
      const [attempt, candidates, , unsolved] = await Promise.all([
        taking,
        services.registrations.findCandidates(name),
        services.keyring.warm(),
        services.challenge.check(body.turnstile_token, client.ipAddress),
      ]);
      if (attempt.refusal !== undefined) return attempt.refusal;
      exchange.addHeaders(attempt.headers);
      if (unsolved !== undefined) {
        await attempt.refund();
        return unsolved;
      }
      const proof = await provePassword(services, body.password, candidates, attempt);
      if (isRefusal(proof)) {
        // The password was not checked, so the attempt is refunded. `refuseLogin` below refunds nothing, not even after
        // the correct password of a disabled or unverified account, because the check has cost a hash.
        await attempt.refund();
        return proof;
      }
      if ("reason" in proof) return refuseLogin(services, proof, candidates.user, attempt);
      const { keyringVersion } = candidates;
      const trusts = await readTrusts(services, exchange, body);
      const opened = await openSession(services, { ...proof, body, client, keyringVersion, attempt, trusts });
      if (isRefusal(opened)) {
        const isAsked = opened.code === "second_factor_required";
        if (isAsked && body.cookie) clearTrustOf(services, exchange, proof.user, trusts);
        return opened;
      }
      exchange.identify(opened.user.id);
      return {
        ...handOut(services, exchange, opened.tokens, body.cookie ?? false),
        user: presentUser(opened.user),
        ...graceOf(services, opened.user),
      };
    } catch (error) {
      // The service failed, so the attempt does not count as a wrong guess.
      await taking.then((attempt) => attempt.refund()).catch(() => {});
      throw error;
    }
  },
);

/**
 * The time from which a user without a second factor must have one; empty if the user has a factor or needs none. If
 * this login begins the grace period, the period counts from the time of this login.
 */
function graceOf({ config }: Services, user: User & { lastLoginAt: number }) {
  const from = user.secondFactorSince === null ? factorRequiredFrom(config, user, user.lastLoginAt) : null;
  return from === null ? {} : { second_factor_required_from: toIsoTime(from) };
}

/** A refused login. Only the audit log learns the reason. */
interface FailedLogin {
  code: "invalid_credentials" | "email_not_verified" | "account_disabled" | "busy";
  reason: "unknown_name" | "wrong_password" | "password_blocked" | "email_not_verified" | "account_disabled";
}

/**
 * Checks the password against the user, and against a pending registration with the same name. The registration is
 * checked even if its address has an owner: otherwise an attacker who registers an address and then logs in would learn
 * whether the address has an owner.
 */
async function provePassword(
  services: Services,
  password: string,
  { user, registration }: LoginCandidates,
  attempt: LoginAttempt,
): Promise<ProvedLogin | FailedLogin | Refusal<"busy">> {
  const check = await checkPassword(services, user, password, attempt);
  if (isRefusal(check)) return check;
  if (check.outcome === "password_blocked") return { code: "invalid_credentials", reason: "password_blocked" };
  const isUsers = check.outcome === "right" && user !== undefined;
  if (isUsers && user.isVerified) {
    if (!user.isActive) return { code: "account_disabled", reason: "account_disabled" };
    return {
      user,
      rehash: check.rehashed === undefined ? undefined : { from: user.passwordHash, to: check.rehashed },
    };
  }
  const isUnknown = user === undefined && registration === undefined;
  const wrong: FailedLogin = { code: "invalid_credentials", reason: isUnknown ? "unknown_name" : "wrong_password" };
  const unverified: FailedLogin = { code: "email_not_verified", reason: "email_not_verified" };
  // If there is a pending registration, the password of a user whose address was never verified doesn't count. It may
  // come from an older registration: accepting it would reveal that the address has no owner.
  if (registration === undefined || (isUsers && !wasNeverProved(user))) return isUsers ? unverified : wrong;
  const waiting = await services.passwords.check(password, registration.passwordHash);
  // The user's password was already checked, so the attempt is not refunded. A refund would give an attacker free
  // guesses while the hashing lane (the queue of passwords to hash) is full.
  if (isRefusal(waiting)) return { code: "busy", reason: wrong.reason };
  return waiting.matches ? unverified : wrong;
}

/** Records a refused login, and returns the refusal. The attempt stays counted. */
function refuseLogin(services: Services, { code, reason }: FailedLogin, user: User | undefined, attempt: LoginAttempt) {
  services.audit.note("login_failed", { userId: user?.id, details: { reason } });
  services.afterResponse.add(attempt.count);
  const isWrong = reason === "wrong_password" || reason === "password_blocked";
  if (isWrong && user !== undefined) countWrongGuess(services, user, attempt);
  return refuse(code);
}

/**
 * Counts a wrong guess under the account's email address and under its username. Counts after the response, because the
 * extra time would reveal that the account exists. Does not count for a user who has never verified the email address:
 * the response must not depend on such a registration, and the guesses must not count against the real owner later.
 */
function countWrongGuess(services: Services, user: User, attempt: LoginAttempt): void {
  if (wasNeverProved(user)) return;
  services.afterResponse.add(async () => {
    blockAfterLastGuess(services, user, await attempt.countAtUser(loginNameKeys(user)));
  });
}
