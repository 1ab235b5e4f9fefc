/** Postern over RPC, as other Workers see it: the strict answer, at once. Types alone. */
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
 * What a service binding to Postern's entrypoint `AuthService` offers:
 * `interface Env { AUTH: AuthService }`. It is a {@link Fetcher} as well, for `createVerifier`.
 */
export interface AuthService {
  fetch(input: string | Request, init?: RequestInit): Promise<Response>;
  /**
   * The claims of a token that is good at this moment: its session lives, its user is active and has the role that it
   * says. `null` for any other. One storage round trip. Throws where the answer can't be had: nobody is let in then.
   */
  verify(token: string): Promise<AccessTokenClaims | null>;
  /** The user of this id (a UUID: `claims.sub`), or `null`. One storage round trip. */
  user(id: string): Promise<ServiceUser | null>;
  /** The published keys, as `GET /.well-known/jwks.json` has them. */
  jwks(): Promise<JsonWebKeySet>;
}
