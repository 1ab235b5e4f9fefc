/** The claims of an access token, besides those that every JWT has. `verify/claims.ts` reads them. */
import { toSeconds } from "../platform/clock.ts";
import { type Authentication, levelOf } from "../sessions/authentication.ts";
import type { Role } from "../verify/claims.ts";

/** The user and session that a token is minted for. */
export interface TokenSubject {
  userId: string;
  sessionId: string;
  role: Role;
  emailVerified: boolean;
  /**
   * Can be `undefined` for some seconds after a deployment, if the user's object still runs an earlier release.
   */
  authentication: Authentication | undefined;
}

export function claimsOf(subject: TokenSubject, clientId: string) {
  return {
    // RFC 9068 §2.2 requires a client id. The product's own app is the only client.
    client_id: clientId,
    sid: subject.sessionId,
    role: subject.role,
    email_verified: subject.emailVerified,
    ...(subject.authentication && authenticationClaims(subject.authentication)),
  };
}

/** RFC 9068 §2.2.1. */
function authenticationClaims({ at, methods }: Authentication) {
  return { amr: methods, acr: levelOf(methods), auth_time: toSeconds(at) };
}
