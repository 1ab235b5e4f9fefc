/** Postern's RPC interface for other Workers, with the strict check that takes effect at once. Types only. */
import type { AccessTokenClaims, Role } from "./claims.ts";
import type { JsonWebKeySet } from "./read-jwks.ts";

/** A user as `GET /api/v1/users/me` shows one. Times are ISO 8601 in UTC. */
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
  verify(token: string): Promise<AccessTokenClaims | null>;
  /** The user with this id (a UUID: `claims.sub`), or `null`. One storage round trip. */
  user(id: string): Promise<ServiceUser | null>;
  /** The published keys, as in `GET /.well-known/jwks.json`. */
  jwks(): Promise<JsonWebKeySet>;
}
