/** Hono middleware: only lets requests with a valid access token and a sufficient role pass. */
import type { Context, MiddlewareHandler } from "hono";
import { type AccessTokenClaims, isRole, type Role } from "./claims.ts";
import { systemTime } from "./clock.ts";
import { createVerifier, type VerificationContext, type VerifierOptions } from "./create-verifier.ts";
import { VerificationError } from "./errors.ts";
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
    const token = /^Bearer +(\S+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    if (token === undefined) return answerRefusal("unauthorized");
    const verified = await verify(settings, token, contextOf(c));
    if (verified instanceof VerificationError) {
      return answerRefusal(verified.isTemporary ? "unavailable" : "invalid_access_token", verified.message);
    }
    if (!mayPass(verified.role, settings)) return answerRefusal("forbidden");
    const missing = missingAuthentication(verified, settings, (settings.now ?? systemTime)());
    if (missing !== undefined) {
      return answerRefusal("insufficient_user_authentication", missing.reason, missing.parameters);
    }
    c.set("auth", verified);
    await next();
  };
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
