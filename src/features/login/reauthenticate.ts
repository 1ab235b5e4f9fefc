/**
 * A user proves again who they are, and the session continues. Some routes require a recent proof, because an attacker
 * who finds an open session would use these routes first. Proving a second factor also raises the authentication level
 * of the session.
 */
import * as z from "zod";
import { checkCurrentPassword } from "../../accounts/check-password.ts";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { type Principal, user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses, takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import { typedCode } from "../../factors/factor.ts";
import type { FactorProof } from "../../factors/factor-proofs.ts";
import { authenticationResponse } from "../../factors/passkeys/credential-json.ts";
import { readPasskeyProof } from "../../factors/passkeys/read-proof.ts";
import type { Client } from "../../http/exchange.ts";
import { typedPassword } from "../../passwords/policy.ts";
import { isRefusal, type Refusal, refuse } from "../../platform/refusal.ts";
import { type AuthenticationMethod, METHODS_OF, PASSWORD_ALONE, writeMethods } from "../../sessions/authentication.ts";
import { verifyRefreshToken } from "../../sessions/refresh-token.ts";
import { issueTokenPair, tokenPairSchema } from "../../tokens/token-pair.ts";
import { isOfCurrentEpoch } from "../../users/user.ts";
import { handOut, readRefreshCookies } from "./refresh-cookie.ts";
import { isUnproved, refuseFactor } from "./refuse-factor.ts";

const reauthenticateBody = z
  .strictObject({
    password: typedPassword.optional(),
    totp: typedCode.optional(),
    passkey: authenticationResponse.optional(),
  })
  .refine(({ password, totp, passkey }) => [password, totp, passkey].filter(Boolean).length === 1, {
    path: ["password"],
    message: "Send one of password, totp and passkey.",
  });

type Proof = z.output<typeof reauthenticateBody>;

export const reauthenticate = endpoint(
  {
    id: "reauthenticate",
    method: "post",
    path: "/api/v1/auth/reauthenticate",
    tag: "Authentication",
    summary: "Reauthenticate",
    description:
      "Proves again who the user is. The session continues with new tokens, whose `auth_time` is now; use them instead of the earlier ones. A user with a second factor must prove the second factor. If the request carries the session's cookie, the refresh token travels in it again.",
    caller: user,
    body: () => reauthenticateBody,
    limits: [passwordGuesses, takenByHandler("secondFactorPerUser")],
    success: { status: 200, description: "The next pair of tokens of this session.", schema: tokenPairSchema },
    refusals: [
      "invalid_access_token",
      "invalid_factor",
      "second_factor_required",
      "wrong_password",
      "rate_limited",
      "origin_not_allowed",
      "busy",
      "unavailable",
    ],
  },
  async (services, { body, caller, client, exchange }) => {
    const cookies = readRefreshCookies(services, exchange);
    if (isRefusal(cookies)) return cookies;
    const proved = await provePresence(services, body, caller, client);
    if (isRefusal(proved)) return proved;
    const tokens = await renewSession(services, caller, proved);
    if (isRefusal(tokens)) return tokens;
    const inCookie = cookies.some(
      (token) => verifyRefreshToken(token, services.secrets)?.sessionId === caller.sessionId,
    );
    return handOut(services, exchange, tokens, inCookie);
  },
);

/** The methods that are already checked, and the proof that the user's object must still check. */
interface Proved {
  methods: readonly AuthenticationMethod[];
  proof?: FactorProof;
}

/** Checks the password, if the client sent one. The user's object later checks a code or a passkey. */
async function provePresence(
  services: Services,
  { password, totp = "", passkey }: Proof,
  { user: owner }: Principal,
  client: Client,
): Promise<Proved | Refusal<"wrong_password"> | Refusal<"busy"> | Refusal<"invalid_factor">> {
  if (password !== undefined) {
    return (await checkCurrentPassword(services, owner, password, client.network)) ?? { methods: PASSWORD_ALONE };
  }
  if (passkey !== undefined) {
    const proof = readPasskeyProof(services, passkey, "login", owner.id);
    return proof === undefined ? refuse("invalid_factor") : { methods: [], proof };
  }
  if (owner.factorKey === null) return refuse("invalid_factor");
  const key = await factorKeyOf(services, owner);
  return { methods: [], proof: { kind: "totp", code: totp, key } };
}

/**
 * Takes one round trip, [session ∥ user]. Reads the user again, because the user may have changed during the check of
 * the password.
 */
async function renewSession(services: Services, caller: Principal, { methods, proof }: Proved) {
  const { audit, keyring, sessions, users } = services;
  const { sessionId } = caller;
  const userId = caller.user.id;
  const [renewed, { user: owner, keyringVersion }] = await Promise.all([
    sessions.reauthenticate(userId, sessionId, methods, proof),
    users.findWithKeyringVersion(userId),
    keyring.warm(),
  ]);
  if (isUnproved(renewed)) {
    if (renewed.outcome !== "factor_required") {
      return refuseFactor(services, { userId, actorId: userId, isCode: proof?.kind === "totp" }, renewed);
    }
    // Recovery codes work only at a login.
    const factors = renewed.kinds.filter((kind) => kind !== "recovery_code");
    return refuse("second_factor_required", { userId, members: { factors } });
  }
  // If the user's object runs an earlier release, it renews a session without checking the factor.
  if (proof !== undefined && !renewed?.factor) return refuse("invalid_access_token");
  if (renewed === null || owner === undefined || !owner.isActive) return refuse("invalid_access_token");
  if (!isOfCurrentEpoch(owner, sessionId, renewed.epoch)) return refuse("invalid_access_token");
  const proved = proof === undefined ? methods : METHODS_OF[proof.kind];
  const details = { session_id: sessionId, methods: writeMethods(proved) };
  audit.note("reauthenticated", { actorId: userId, userId, details });
  const { generation, expiresAt, authentication } = renewed;
  return issueTokenPair(services, { user: owner, sessionId, generation, expiresAt, authentication, keyringVersion });
}
