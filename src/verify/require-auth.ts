/** Hono middleware: only lets requests with a valid access token and a sufficient role pass. */
import type { Context, MiddlewareHandler } from "hono";
import { type AccessTokenClaims, isRole, type Role } from "./claims.ts";
import { systemTime } from "./clock.ts";
import { createVerifier, type VerificationContext, type VerifierOptions } from "./create-verifier.ts";
import { VerificationError, type VerificationErrorCode } from "./errors.ts";
import { isAtLeast, type Permissions, POSTERN_PERMISSIONS } from "./permissions.ts";
import { answerRefusal } from "./refusals.ts";
import { type AuthenticationDemand, missingAuthentication } from "./step-up.ts";

export interface RequireAuthOptions<Name extends string = keyof typeof POSTERN_PERMISSIONS>
  extends VerifierOptions,
    AuthenticationDemand {
  /** The lowest role that may pass. `moderator` also lets admins pass. */
  role?: Role;
  /** The required permission: one of `permissions`. */
  permission?: NoInfer<Name>;
  /** Your own permissions, with the roles that have each. The default is Postern's permissions. */
  permissions?: Permissions<Name> | undefined;
  /**
   * Called for every refused request, before the response. Without this function, refusals are written to the console
   * if the issuer is on this machine, as in development.
   */
  onRefusal?: ((refusal: AuthRefusal, c: Context) => void) | undefined;
}

/** Why a request was refused. Contains no part of the token. */
export interface AuthRefusal {
  /** What is wrong with the token, or with the request: no token, no permission, or another login is required. */
  code: VerificationErrorCode | "unauthorized" | "forbidden" | "insufficient_user_authentication";
  message: string;
  /** What failed, if the token could not be checked. */
  cause?: unknown;
}

interface Refused {
  refusal: AuthRefusal;
  answer: Response;
}

/** The middleware's variable: `c.get("auth")` returns the claims. */
export interface AuthVariables {
  auth: AccessTokenClaims;
}

/**
 * Takes the options, or a function that returns them for a request's context, which has the bindings:
 * `requireAuth<Env>((c) => ({ issuer, audience, fetcher: c.env.AUTH, revocations: c.env.REVOCATIONS }))`. Answers 401,
 * 403 and 503 like Postern, with problem documents (RFC 9457) and challenges (RFC 6750 §3, RFC 9470 §3).
 */
export function requireAuth<Bindings extends object = object, Name extends string = keyof typeof POSTERN_PERMISSIONS>(
  options:
    | RequireAuthOptions<Name>
    | ((c: Context<{ Bindings: Bindings; Variables: AuthVariables }>) => RequireAuthOptions<Name>),
): MiddlewareHandler<{ Bindings: Bindings; Variables: AuthVariables }> {
  return async function requireAuth(c, next) {
    const settings = typeof options === "function" ? options(c) : options;
    const judged = await judge(settings, c);
    if ("refusal" in judged) {
      const { onRefusal = isLocal(settings.issuer) ? logRefusal : undefined } = settings;
      onRefusal?.(judged.refusal, c);
      return judged.answer;
    }
    c.set("auth", judged);
    await next();
  };
}

async function judge<Name extends string>(
  settings: RequireAuthOptions<Name>,
  c: Context,
): Promise<AccessTokenClaims | Refused> {
  const token = /^Bearer +(\S+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  if (token === undefined) return refused("unauthorized", "The request has no access token.");
  const verified = await verify(settings, token, contextOf(c));
  if (verified instanceof VerificationError) {
    const { code, message, cause, isTemporary } = verified;
    const answer = answerRefusal(isTemporary ? "unavailable" : "invalid_access_token", message);
    return { refusal: { code, message, cause }, answer };
  }
  if (!mayPass(verified.role, settings)) return refused("forbidden", `The role ${verified.role} does not allow this.`);
  const missing = missingAuthentication(verified, settings, (settings.now ?? systemTime)());
  if (missing === undefined) return verified;
  const code = "insufficient_user_authentication";
  const answer = answerRefusal(code, missing.reason, missing.parameters);
  return { refusal: { code, message: missing.reason }, answer };
}

function refused(code: "unauthorized" | "forbidden", message: string): Refused {
  return { refusal: { code, message }, answer: answerRefusal(code) };
}

/** Whether the issuer runs on this machine, which means that this is development. */
function isLocal(issuer: string): boolean {
  return /^https?:\/\/(?:(?:[\w-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(issuer);
}

function logRefusal({ code, message, cause }: AuthRefusal, c: Context): void {
  const reason = cause instanceof Error ? ` (${cause.message})` : "";
  // biome-ignore lint/suspicious/noConsole: without this line, a developer sees only a 401
  console.warn(`requireAuth refused ${c.req.method} ${c.req.path}: ${code}. ${message}${reason}`);
}

async function verify(
  options: VerifierOptions,
  token: string,
  context: VerificationContext | undefined,
): Promise<AccessTokenClaims | VerificationError> {
  try {
    return await createVerifier(options)(token, context);
  } catch (error) {
    if (error instanceof VerificationError) return error;
    throw error;
  }
}

/** @throws {TypeError} if the options name an unknown role or permission, so that a typo lets no request pass */
function mayPass<Name extends string>(role: Role, options: RequireAuthOptions<Name>): boolean {
  // An option that is present but `undefined` is also a mistake.
  if ("role" in options) {
    if (!isRole(options.role)) throw new TypeError(`requireAuth knows no role "${options.role}".`);
    if (!isAtLeast(role, options.role)) return false;
  }
  if (!("permission" in options)) return true;
  const name: string = options.permission ?? "undefined";
  const permissions: Partial<Permissions> = options.permissions ?? POSTERN_PERMISSIONS;
  const roles = Object.hasOwn(permissions, name) ? permissions[name] : undefined;
  if (roles === undefined) throw new TypeError(`requireAuth knows no permission "${name}".`);
  return roles.includes(role);
}

/** Hono throws if there is no execution context, as in some tests. */
function contextOf(c: Context): VerificationContext | undefined {
  try {
    const { executionCtx } = c;
    return { waitUntil: (work) => executionCtx.waitUntil(work), traceparent: c.req.header("traceparent") };
  } catch {
    return undefined;
  }
}
