/** The kinds of callers that an endpoint can declare, and how a request proves who calls. */
import { isFactorDue } from "../access/factor-policy.ts";
import { identifyUser } from "../access/identify-user.ts";
import { may, needs, type Permission } from "../access/permissions.ts";
import { isEmailAlone } from "../factors/factor.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ErrorCode } from "../http/problems.ts";
import { hasPassword } from "../passwords/passwords.ts";
import { SECOND } from "../platform/clock.ts";
import { isRefusal, type Refusal, refuse } from "../platform/refusal.ts";
import type { Invitation } from "../users/invitations.ts";
import type { User } from "../users/user.ts";
import type { AccessTokenClaims } from "../verify/claims.ts";
import { type MissingAuthentication, missingAuthentication } from "../verify/step-up.ts";
import { changesPerCaller, type DeclaredLimit } from "./limits.ts";
import type { Services } from "./services.ts";

/** How a client proves who calls. A refresh token can be in the body or in the cookie. */
export type Credential = "access_token" | "refresh_token";

/** A kind of caller: what an endpoint declares under `caller`. */
export interface CallerKind<Caller> {
  /** Any one of these credentials is enough. */
  credentials: readonly Credential[];
  /** The codes that {@link CallerKind.identify} refuses with. */
  refusals: readonly ErrorCode[];
  /** A sentence for the API reference. */
  note?: string;
  /**
   * The budget of recorded requests: each request that may record an audit event takes from it. Absent for a kind of
   * caller whose `identify` reads no user.
   */
  changes?: DeclaredLimit<{ caller: Caller }>;
  /** Identifies the caller of a request. `id` is the parameter of the path, if there is one. */
  identify(services: Services, exchange: Exchange, id: string): Promise<Caller | Refusal<ErrorCode>>;
}

/** The user whose access token was sent, and the session of this token. */
export interface Principal {
  user: User;
  sessionId: string;
  /** What the access token says about how and when the user proved who they are. */
  authentication: Pick<AccessTokenClaims, "acr" | "auth_time">;
}

/** A user with an access token (RFC 6750). */
export const user: CallerKind<Principal> = {
  credentials: ["access_token"],
  refusals: ["unauthorized", "invalid_access_token"],
  changes: changesPerCaller("changesPerUser"),
  async identify(services, exchange) {
    const token = exchange.bearerToken();
    if (token === undefined) return refuse("unauthorized");
    const identified = await identifyUser(services, token);
    if (identified === undefined) return refuse("invalid_access_token");
    exchange.identify(identified.user.id);
    return { user: identified.user, sessionId: identified.claims.sid, authentication: identified.claims };
  },
};

/**
 * Narrows a kind of caller to users who recently proved who they are, with the second factor if they have one. Only the
 * claims of the access token count, not the data of its session. So a token that was stolen earlier gains nothing when
 * its user reauthenticates. `kind` has already read the user, so the check usually needs no storage call.
 */
export function recent<Caller extends Principal>(kind: CallerKind<Caller>): CallerKind<Caller> {
  return steppedUp(kind, `${RECENT}, with the second factor if there is one.`, () => true);
}

const RECENT = "The access token must be of a recent login or reauthentication (`REAUTHENTICATION_MAX_AGE_MINUTES`)";

export const recentUser = recent(user);

/**
 * A user who sends the current password in the body, to confirm the request. For a user without a second factor, the
 * password is enough, even if the login is old. A user with a second factor, or without a password, must also be a
 * {@link recentUser}. The endpoint checks this before the password, so that a refusal costs no hash and counts no
 * guess. The handler must call `confirmChange`.
 */
export const confirmingUser = steppedUp(
  user,
  `A user without a password leaves the current one out. If there is none, or if there is a second factor: ${RECENT.replace("The", "the")}, with the factor if there is one.`,
  (caller) => caller.secondFactorSince !== null || !hasPassword(caller),
);

function steppedUp<Caller extends Principal>(
  kind: CallerKind<Caller>,
  note: string,
  concerns: (caller: User) => boolean,
): CallerKind<Caller> {
  return {
    ...kind,
    refusals: [...kind.refusals, "reauthentication_required"],
    note: kind.note === undefined ? note : `${kind.note} ${note}`,
    async identify(services, exchange, id) {
      const principal = await kind.identify(services, exchange, id);
      if (isRefusal(principal) || !concerns(principal.user)) return principal;
      const { clock, config } = services;
      const { authentication, user: caller } = principal;
      const maxAge = config.sessions.reauthenticationMaxAge / SECOND;
      const mustProve = await mustProveFactor(services, principal);
      const demand = mustProve ? { acr: "aal2" as const, maxAge } : { maxAge };
      const missing = missingAuthentication(authentication, demand, clock.now());
      return missing === undefined ? principal : refuseOldLogin(missing, caller.id);
    },
  };
}

/**
 * Whether the access token must come from a login with a second factor. `false` if the user has only codes by email,
 * which don't raise the authentication level. Calls the user's object only if the token has the lower level.
 */
async function mustProveFactor({ factors }: Services, { authentication, user: { id, secondFactorSince } }: Principal) {
  if (secondFactorSince === null) return false;
  return authentication.acr === "aal2" || !isEmailAlone((await factors.list(id)).items);
}

/**
 * Refuses a caller who has not proved their second factor. Handlers need this too, because the check by a caller kind
 * does not notice a factor that D1 does not know of yet.
 */
export function refuseUnprovedFactor({ user: { id } }: Principal): Refusal<"reauthentication_required"> {
  return refuseOldLogin({ parameters: { acr_values: "aal2" } }, id);
}

/** Refuses with the challenge of RFC 9470 §3. The challenge has the same facts as the problem document. */
function refuseOldLogin(
  { parameters }: Pick<MissingAuthentication, "parameters">,
  userId: string,
): Refusal<"reauthentication_required"> {
  const facts = Object.entries(parameters).map(([name, value]) => `, ${name}="${value}"`);
  const challenge = `Bearer realm="postern", error="insufficient_user_authentication"${facts.join("")}`;
  return refuse("reauthentication_required", {
    members: { ...parameters },
    headers: { "WWW-Authenticate": challenge },
    userId,
  });
}

/** An operator who may use the permission on at least one kind of user. The handler must check the target itself. */
export function operator(permission: Permission): CallerKind<Principal> {
  return {
    credentials: user.credentials,
    refusals: [...user.refusals, "forbidden", "reauthentication_required", "second_factor_enrolment_required"],
    note: needs(permission),
    changes: changesPerCaller("changesPerOperator"),
    async identify(services, exchange, id) {
      const principal = await user.identify(services, exchange, id);
      if (isRefusal(principal)) return principal;
      if (!may(principal.user, permission)) return refuse("forbidden");
      return (await refuseWithoutFactor(services, principal)) ?? principal;
    },
  };
}

/**
 * Refuses an operator who must have a second factor, if their grace period has ended and the access token comes from a
 * login without a factor. The session continues: the endpoints for the user's own account still work, so that the
 * operator can add a factor.
 */
async function refuseWithoutFactor(services: Services, principal: Principal) {
  const { clock, config } = services;
  const { authentication, user: caller } = principal;
  if (authentication.acr === "aal2" || !isFactorDue(config, caller, clock.now())) return undefined;
  if (await mustProveFactor(services, principal)) return refuseUnprovedFactor(principal);
  return refuse("second_factor_enrolment_required", { userId: caller.id });
}

/** An operator who has the permission for the user whose id is in the path. The handler gets that user as `target`. */
export function operatorOn(permission: Permission): CallerKind<Principal & { target: User }> {
  const kind = operator(permission);
  return {
    ...kind,
    refusals: [...kind.refusals, "not_found"],
    async identify(services, exchange, id) {
      const principal = await kind.identify(services, exchange, id);
      if (isRefusal(principal)) return principal;
      const target = await services.users.find(id);
      if (target === undefined) return refuse("not_found");
      return may(principal.user, permission, target) ? { ...principal, target } : refuse("forbidden");
    },
  };
}

const anyInviter = operator("invite_users");

/** An operator who may invite users. The handler gets the invitation whose id is in the path as `invitation`. */
export const inviter: CallerKind<Principal & { invitation: Invitation }> = {
  ...anyInviter,
  refusals: [...anyInviter.refusals, "not_found"],
  async identify(services, exchange, id) {
    const principal = await anyInviter.identify(services, exchange, id);
    if (isRefusal(principal)) return principal;
    const invitation = await services.invitations.find(id);
    return invitation === undefined ? refuse("not_found") : { ...principal, invitation };
  },
};

/** Any client that holds one of these tokens: the handler itself reads and checks the token. */
export function holderOf(...credentials: Credential[]): CallerKind<undefined> {
  return { credentials, refusals: [], identify: async () => undefined };
}
