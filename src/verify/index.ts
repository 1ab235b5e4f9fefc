/** `postern/verify`: what other Workers import. It depends only on `jose` and includes none of the service's code. */
export type { AccessTokenClaims, AuthenticationLevel, Role } from "./claims.ts";
export { createVerifier, type VerificationContext, type Verifier, type VerifierOptions } from "./create-verifier.ts";
export { type TokenFault, VerificationError, type VerificationErrorCode, type VerifierFault } from "./errors.ts";
export { type Permissions, POSTERN_PERMISSIONS } from "./permissions.ts";
export type { Fetcher, JsonWebKeySet } from "./read-jwks.ts";
export { type AuthRefusal, type AuthVariables, type RequireAuthOptions, requireAuth } from "./require-auth.ts";
export type { RevocationsNamespace } from "./revocations.ts";
export type { AuthService, CallContext, ServiceUser, StrictService } from "./service.ts";
export type { AuthenticationDemand } from "./step-up.ts";
