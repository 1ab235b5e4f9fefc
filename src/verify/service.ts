/**
 * Postern's RPC interface for other Workers, and the strict check that uses it. The check knows of a logout at once,
 * while the copy in KV takes about a minute.
 */
import type { AccessTokenClaims, Role } from "./claims.ts";
import { SECOND } from "./clock.ts";
import { VerificationError } from "./errors.ts";
import type { JsonWebKeySet } from "./read-jwks.ts";

/** A user, as in the response of `GET /api/v1/users/me`. Times are ISO 8601 in UTC. */
export interface ServiceUser {
  id: string;
  email: string;
  username: string;
  first_name: string | null;
  last_name: string | null;
  phone: string | null;
  role: Role;
  is_active: boolean;
  is_verified: boolean;
  is_superuser: boolean;
  created_at: string;
  updated_at: string;
  last_login: string | null;
}

/** What a calling Worker can tell Postern about the request that it handles. */
export interface CallContext {
  /** The request's `traceparent` header (W3C Trace Context). Postern's log lines then have the same trace id. */
  traceparent?: string | undefined;
}

/**
 * The methods of a service binding to Postern's entrypoint `AuthService`: `interface Env { AUTH: AuthService }`. It is
 * also a {@link Fetcher} for `createVerifier`.
 */
export interface AuthService {
  fetch(input: string | Request, init?: RequestInit): Promise<Response>;
  /**
   * The claims of a token that is valid at this moment: its session is live, and its user is active and has the token's
   * role. `null` for any other token. One storage round trip. Throws if Postern can't tell: treat that as a refusal.
   */
  verify(token: string, context?: CallContext): Promise<AccessTokenClaims | null>;
  /** The user with this id (a UUID: `claims.sub`), or `null`. One storage round trip. */
  user(id: string, context?: CallContext): Promise<ServiceUser | null>;
  /** The published keys, as in `GET /.well-known/jwks.json`. */
  jwks(context?: CallContext): Promise<JsonWebKeySet>;
}

/** A service binding to Postern's entrypoint `AuthService`. */
export type StrictService = Pick<AuthService, "verify">;

/** How long to wait for Postern's answer. */
const ANSWER_TIMEOUT = 3 * SECOND;

/**
 * Refuses a token that is not valid at this moment. Fails closed.
 *
 * @throws {VerificationError} `revoked_token`, or `strict_answer_unavailable` if Postern does not answer within 3 s
 */
export async function refuseUnlessLive(service: StrictService, token: string, context: CallContext): Promise<void> {
  if (!(await isLive(service, token, context))) throw new VerificationError("revoked_token");
}

async function isLive(service: StrictService, token: string, context: CallContext): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Postern did not answer in time.")), ANSWER_TIMEOUT);
  });
  try {
    return Boolean(await Promise.race([service.verify(token, context), tooLate]));
  } catch (cause) {
    throw new VerificationError("strict_answer_unavailable", { cause });
  } finally {
    clearTimeout(timer);
  }
}
