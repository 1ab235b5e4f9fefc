/**
 * A login by an emailed link takes four round trips, like a login by a passkey: limit → user → [spend the link and open
 * the session] → record the login. Checking a code takes one more. In one call, the user's object spends the link
 * (marks it as used) and opens the session.
 */
import * as z from "zod";
import { isFactorDue } from "../../access/factor-policy.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork, takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { linkToken } from "../../links/link-body.ts";
import { recoveryState } from "../../links/link-states.ts";
import { isOfState, verifyLink } from "../../links/link-tokens.ts";
import { isLoginCode } from "../../links/login-requests.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { METHODS_OF_FIRST_STEP } from "../../sessions/authentication.ts";
import { personName } from "../../users/fields.ts";
import { askForFactor } from "./ask-for-factor.ts";
import { completeLogin } from "./complete-login.ts";
import { isSameBrowser } from "./email-login-cookie.ts";
import { refuseSpentBudget } from "./finish-login.ts";
import { loginSchema } from "./login-schema.ts";
import { isUnproved } from "./refuse-factor.ts";
import { refuseState } from "./refuse-state.ts";
import { startSession } from "./start-session.ts";

export const confirmEmailLogin = endpoint(
  {
    id: "confirmEmailLogin",
    method: "post",
    path: "/api/v1/auth/email-login/confirm",
    tag: "Authentication",
    summary: "Log in with an emailed link",
    description:
      "Exists with `EMAIL_LOGIN=on`. Spends the token of the link. If another browser asked for the link, send also the `code` that the other browser shows. The link works once, even if a second factor must then be proved.",
    body: () =>
      z.strictObject({
        token: linkToken,
        code: z
          .string()
          .min(1)
          .max(32)
          .optional()
          .meta({ description: "Not needed in the browser that asked with `cookie: true`.", examples: ["WDJB-MJHT"] }),
        device_name: personName.optional(),
        cookie: z.boolean().optional(),
      }),
    // The same check as in `login.ts`, against login CSRF.
    admit: (_, { body, exchange }) =>
      body.cookie && !exchange.hasAllowedOrigin() ? refuse("origin_not_allowed") : undefined,
    limits: [perNetwork("linkAttemptsPerAddress"), takenByHandler("loginCodePerLink"), takenByHandler("loginsPerUser")],
    outcomes: "logins",
    success: { status: 200, description: "A new session.", schema: loginSchema },
    refusals: [
      "invalid_token",
      "expired_token",
      "login_code_required",
      "invalid_login_code",
      "second_factor_required",
      "second_factor_enrolment_required",
      "second_factor_lost",
      "invalid_credentials",
      "email_not_verified",
      "account_disabled",
      "origin_not_allowed",
      "rate_limited",
    ],
  },
  async (services, { body, client, exchange }) => {
    const { clock, config, keyring, loginAttempts, sessions, users } = services;
    const link = verifyLink("email-login", body.token, services);
    if (isRefusal(link)) return link;
    const { subjectId: userId, mailId, expiresAt } = link;
    const fault = await checkBrowser(services, { userId, mailId }, body.code, exchange);
    if (fault !== undefined) return fault;
    const [{ user, keyringVersion }] = await Promise.all([users.findWithKeyringVersion(userId), keyring.warm()]);
    if (user === undefined || !isOfState(link, recoveryState(user))) return refuse("invalid_token", { userId });
    const state = refuseState(services, user);
    if (state !== undefined) return state;

    const spent = refuseSpentBudget(services, user);
    if (spent !== undefined) return spent;
    const attempt = loginAttempts.proved(client.network, false);
    const login = { user, rehash: undefined, keyringVersion, attempt, body, client };
    const pending = {
      ...{ userId, epoch: user.sessionEpoch, by: "email" as const },
      ...{ deviceName: body.device_name ?? null, isAnnounced: user.lastLoginAt !== null },
    };
    // The user's object remembers the link for longer than the link works, because another isolate's clock may be
    // behind the clock of the object.
    const used = { id: mailId, expiresAt: expiresAt + config.tokens.clockTolerance };
    const isDemanded = isFactorDue(config, user, clock.now());
    const step = { isExpected: user.secondFactorSince !== null, isDemanded, link: used };
    const methods = METHODS_OF_FIRST_STEP.email;
    return startSession(services, { ...pending, client, methods, step }, async (started) => {
      const opened = await started.opening;
      if (isUnproved(opened)) {
        return opened.outcome === "spent"
          ? refuse("invalid_token", { userId })
          : askForFactor(services, login, pending, opened);
      }
      // If the user's object runs an earlier release, it opens a session without spending the link.
      if (!opened?.hasSpentLink) {
        if (opened !== null) await sessions.end(userId, started.sessionId);
        return refuse("invalid_token", { userId });
      }
      const completed = { exchange, cookie: body.cookie ?? false, details: { method: "email" } } as const;
      return completeLogin(services, login, { started, opened }, completed);
    });
  },
);

/** If another browser requested the link, refuses a request without the code that the other browser shows. */
async function checkBrowser(
  services: Services,
  { userId, mailId }: { userId: string; mailId: string },
  code: string | undefined,
  exchange: Exchange,
) {
  const { audit, limiter, secrets } = services;
  if (isSameBrowser(services, exchange, mailId)) return undefined;
  if (code === undefined) return refuse("login_code_required", { userId });
  const { headers, refusal } = await limiter.take([{ rule: "loginCodePerLink", key: mailId }]);
  if (refusal !== undefined) return refusal;
  exchange.addHeaders(headers);
  if (isLoginCode(code, mailId, secrets)) return undefined;
  audit.note("login_failed", { userId, details: { reason: "invalid_login_code" } });
  return refuse("invalid_login_code", { userId });
}
