/**
 * `/api/v1/auth`: registering, proving an address, logging in, refreshing, logging out.
 * Owns HTTP alone; what happens is in the verb files beside it.
 */
import type { Context } from "hono";
import { readBearerToken } from "../access/bearer-token.ts";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/app-env.ts";
import { clientAddress, clientAgent, clientCountry, clientNetwork } from "../http/client-address.ts";
import { type App, addOperationWithBody, type OperationWithBody } from "../http/operation.ts";
import { type ErrorCode, isRefusal, type Refusal, refuse } from "../http/problems.ts";
import { hasAllowedOrigin } from "../http/request-origin.ts";
import { limited, tell } from "../limits/limited.ts";
import { type Limit, mailLimit } from "../limits/limiter.ts";
import { chooseLocale } from "../mail/languages.ts";
import type { Services } from "../services.ts";
import { presentUser } from "../users/user.ts";
import { confirmEmail } from "./confirm-email.ts";
import { logIn } from "./login.ts";
import { type LogoutProof, logOut } from "./logout.ts";
import {
  confirmEmailOperation,
  forgotPasswordOperation,
  loginOperation,
  logoutOperation,
  passwordStrengthOperation,
  refreshOperation,
  registerOperation,
  resendVerificationOperation,
  resetPasswordOperation,
  undoEmailChangeOperation,
  verifyEmailOperation,
} from "./operations.ts";
import { judgePassword } from "./password-strength.ts";
import { refresh } from "./refresh.ts";
import { clearRefreshCookie, readRefreshCookie, writeRefreshCookie } from "./refresh-cookie.ts";
import { register } from "./register.ts";
import { refuseRegistration } from "./registration-policy.ts";
import { resetPassword } from "./reset-password.ts";
import type { linkTokenBody } from "./schemas.ts";
import type { TokenPair } from "./token-pair.ts";
import { undoEmailChange } from "./undo-email-change.ts";
import { verifyEmail } from "./verify-email.ts";

export function addAuthRoutes(app: App, config: Config): void {
  addOperationWithBody(app, config, registerOperation, async (c, body) => {
    const refused = refuseRegistration(config) ?? (await checkChallenge(c, body.turnstile_token));
    if (refused !== undefined) return refused;
    const limits = [{ rule: "registerPerAddress", key: clientNetwork(c) } as const];
    const outcome = await limited(c, limits, () =>
      register(c.get("services"), body, chooseLocale(c.req.header("Accept-Language"))),
    );
    return isRefusal(outcome) ? outcome : c.json(outcome, 202);
  });

  addLinkRoute(app, config, verifyEmailOperation, verifyEmail);
  addLinkRoute(app, config, confirmEmailOperation, confirmEmail);
  addLinkRoute(app, config, undoEmailChangeOperation, undoEmailChange);

  addOperationWithBody(app, config, resendVerificationOperation, (c, { email }) =>
    requestMail(c, "resend_verification", email),
  );

  addOperationWithBody(app, config, forgotPasswordOperation, async (c, body) => {
    // Before the limits: else nonsense for a challenge could use up a stranger's mails.
    const refused = await checkChallenge(c, body.turnstile_token);
    return refused ?? requestMail(c, "reset_password", body.email);
  });

  addOperationWithBody(app, config, resetPasswordOperation, async (c, body) => {
    const limits: Limit[] = [{ rule: "linkAttemptsPerAddress", key: clientNetwork(c) }];
    const outcome = await limited(c, limits, () => resetPassword(c.get("services"), body, clientNetwork(c)));
    if (isRefusal(outcome)) return outcome;
    c.set("userId", outcome.userId);
    return c.body(null, 204);
  });

  addOperationWithBody(app, config, passwordStrengthOperation, async (c, body) => {
    const limits = [{ rule: "passwordStrengthPerAddress", key: clientNetwork(c) } as const];
    const outcome = await limited(c, limits, () => judgePassword(c.get("services"), body));
    return isRefusal(outcome) ? outcome : c.json(outcome, 200);
  });

  addOperationWithBody(app, config, loginOperation, async (c, body) => {
    // A foreign page must not be able to sign a browser in as somebody else (login CSRF).
    if (body.cookie && !hasAllowedOrigin(c, config)) return refuse("origin_not_allowed");
    const client = {
      network: clientNetwork(c),
      ipAddress: clientAddress(c),
      country: clientCountry(c),
      userAgent: clientAgent(c),
    };
    const outcome = await logIn(c.get("services"), body, client);
    if (isRefusal(outcome)) return outcome;
    tell(c, outcome.headers);
    c.set("userId", outcome.user.id);
    const tokens = handOut(c, config, outcome.tokens, body.cookie ?? false);
    return c.json({ ...tokens, user: presentUser(outcome.user) }, 200);
  });

  addOperationWithBody(app, config, refreshOperation, async (c, body) => {
    const cookie = body.refresh_token === undefined ? readRefreshCookie(c, config) : { token: undefined };
    if (isRefusal(cookie)) return cookie;
    const outcome = await refresh(c.get("services"), body.refresh_token ?? cookie.token ?? "");
    if (isRefusal(outcome)) {
      // One that came too soon is as good as before.
      if (cookie.token !== undefined && outcome.refused !== "rate_limited") clearRefreshCookie(c, config);
      return outcome;
    }
    tell(c, outcome.headers);
    c.set("userId", outcome.userId);
    return c.json(handOut(c, config, outcome.tokens, cookie.token !== undefined), 200);
  });

  addOperationWithBody(app, config, logoutOperation, async (c, body) => {
    const cookie = readRefreshCookie(c, config);
    const shown = shownProofs(c, body.refresh_token);
    if (shown.length === 0 && isRefusal(cookie)) return cookie;
    const inCookie = isRefusal(cookie) ? undefined : cookie.token;
    const proofs = inCookie === undefined ? shown : [...shown, { refreshToken: inCookie }];
    const outcome = await logOut(c.get("services"), proofs, body.all ?? false);
    // Its session has ended by now, whatever the answer. A cookie that was not used is left alone.
    if (inCookie !== undefined) clearRefreshCookie(c, config);
    if (isRefusal(outcome)) return outcome;
    c.set("userId", outcome.userId);
    return c.body(null, 204);
  });
}

function checkChallenge(c: Context<AppEnv>, token: string | undefined) {
  return c.get("services").challenge.check(token, clientAddress(c));
}

/** Asks for a mail to an address, which may be nobody's. */
async function requestMail(c: Context<AppEnv>, kind: "resend_verification" | "reset_password", email: string) {
  const limits: Limit[] = [mailLimit(kind, email), { rule: "mailPerAddress", key: clientNetwork(c) }];
  const outcome = await limited(c, limits, async () => {
    await c.get("services").mail.request({ kind, email });
    return { status: "accepted" } as const;
  });
  return isRefusal(outcome) ? outcome : c.json(outcome, 202);
}

/** An operation that spends the token of a mailed link, and no more than that. */
function addLinkRoute<Code extends ErrorCode, Spent extends { status: string }>(
  app: App,
  config: Config,
  operation: OperationWithBody<ReturnType<typeof linkTokenBody>, Code | "rate_limited">,
  spend: (services: Services, token: string, network: string) => Promise<Spent | Refusal<Code>>,
): void {
  addOperationWithBody(app, config, operation, async (c, { token }) => {
    const network = clientNetwork(c);
    const limits = [{ rule: "linkAttemptsPerAddress", key: network } as const];
    const outcome = await limited(c, limits, () => spend(c.get("services"), token, network));
    return isRefusal(outcome) ? outcome : c.json(outcome, 200);
  });
}

/** What a caller shows by intention counts before what a browser sends by itself. */
function shownProofs(c: Context<AppEnv>, refreshToken: string | undefined): LogoutProof[] {
  const accessToken = readBearerToken(c);
  return [
    ...(accessToken === undefined ? [] : [{ accessToken }]),
    ...(refreshToken === undefined ? [] : [{ refreshToken }]),
  ];
}

/** The pair as the client gets it: in cookie mode the refresh token is in the cookie alone. */
function handOut(c: Context<AppEnv>, config: Config, tokens: TokenPair, inCookie: boolean): Partial<TokenPair> {
  if (!inCookie) return tokens;
  const { refresh_token, ...rest } = tokens;
  writeRefreshCookie(c, config, refresh_token, tokens.refresh_expires_in);
  return rest;
}
