/** The content of an access token. */
import type { JWTPayload } from "jose";

export const ROLES = ["user", "moderator", "admin"] as const;

/** From lowest to highest: each role may do what the roles before it may. */
export type Role = (typeof ROLES)[number];

/** The levels of NIST SP 800-63B-4 §2 that Postern reaches, from lowest to highest. `acr` is one of them. */
export const AUTHENTICATION_LEVELS = ["aal1", "aal2"] as const;

export type AuthenticationLevel = (typeof AUTHENTICATION_LEVELS)[number];

/**
 * The claims of an access token (RFC 9068 §2.2) and Postern's own claims. `iat`, `exp` and `auth_time` are seconds
 * since the epoch.
 */
export interface AccessTokenClaims {
  /** Postern's `PUBLIC_URL`. */
  iss: string;
  /** Postern writes a string; a list that contains the audience is also accepted (RFC 7519 §4.1.3). */
  aud: string | string[];
  /** The user's id, a UUID that is never reused. */
  sub: string;
  /** The session's id, a UUID. */
  sid: string;
  /** The token's own id, a UUID. */
  jti: string;
  iat: number;
  exp: number;
  client_id: string;
  role: Role;
  email_verified: boolean;
  /**
   * How the user proved who they are, in this session (RFC 8176): `pwd`, `otp`, `hwk`, `swk`, `user`, `mfa`, and
   * Postern's own `email`. A release without `amr`, `acr` and `auth_time` may have issued the token, so these can be
   * missing for a token's lifetime after an upgrade.
   */
  amr?: string[];
  /** The level that the proofs in `amr` reach: `aal1`, or `aal2` with two factors. */
  acr?: string;
  /** When the user last proved who they are. A refresh does not change it. */
  auth_time?: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The claims of a payload, after its signature, issuer, audience and times were checked; `undefined` if one is missing
 * or has the wrong type.
 */
export function readClaims(payload: JWTPayload): AccessTokenClaims | undefined {
  const { iss, aud, sub, sid, jti, iat, exp, client_id, role, email_verified } = payload;
  if (typeof iss !== "string" || aud === undefined || typeof client_id !== "string") return undefined;
  if (!isUuid(sub) || !isUuid(sid) || !isUuid(jti)) return undefined;
  if (!isWhole(iat) || !isWhole(exp)) return undefined;
  if (!isRole(role) || typeof email_verified !== "boolean") return undefined;
  const authentication = readAuthentication(payload);
  if (authentication === undefined) return undefined;
  return { iss, aud, sub, sid, jti, iat, exp, client_id, role, email_verified, ...authentication };
}

type AuthenticationClaims = Pick<AccessTokenClaims, "amr" | "acr" | "auth_time">;

function readAuthentication({ amr, acr, auth_time }: JWTPayload): AuthenticationClaims | undefined {
  const claims: AuthenticationClaims = {};
  if (amr !== undefined) {
    if (!Array.isArray(amr) || !amr.every((method) => typeof method === "string")) return undefined;
    claims.amr = amr;
  }
  if (acr !== undefined) {
    if (typeof acr !== "string") return undefined;
    claims.acr = acr;
  }
  if (auth_time !== undefined) {
    if (!isWhole(auth_time)) return undefined;
    claims.auth_time = auth_time;
  }
  return claims;
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

export function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value);
}
