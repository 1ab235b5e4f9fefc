/**
 * A user proves again who they are, in a session that goes on: before what an attacker would do first in a session that
 * was left open, and to raise its level.
 */
import * as z from "zod";
import { checkCurrentPassword } from "../../accounts/check-password.ts";
import { type Principal, user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Client } from "../../http/exchange.ts";
import { typedPassword } from "../../passwords/policy.ts";
import { isRefusal, type Refusal, refuse } from "../../platform/refusal.ts";
import { type AuthenticationMethod, PASSWORD_ALONE, writeMethods } from "../../sessions/authentication.ts";
import { verifyRefreshToken } from "../../sessions/refresh-token.ts";
import { issueTokenPair, tokenPairSchema } from "../../tokens/token-pair.ts";
import { isOfCurrentEpoch } from "../../users/user.ts";
import { handOut, readRefreshCookies } from "./refresh-cookie.ts";

const reauthenticateBody = z.strictObject({ password: typedPassword });

type Proof = z.output<typeof reauthenticateBody>;

export const reauthenticate = endpoint(
  {
    id: "reauthenticate",
    method: "post",
    path: "/api/v1/auth/reauthenticate",
    tag: "Authentication",
    summary: "Reauthenticate",
    description:
      "Proves again who the user is. The session continues with new tokens, whose `auth_time` is now; use them instead of the ones before. If the request carries the session's cookie, the refresh token travels in it again.",
    caller: user,
    body: () => reauthenticateBody,
    limits: [passwordGuesses],
    success: { status: 200, description: "The next pair of tokens of this session.", schema: tokenPairSchema },
    refusals: ["invalid_access_token", "wrong_password", "origin_not_allowed", "busy", "unavailable"],
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

/** Checks what the user sent as a proof. Returns how they have proved who they are. */
async function provePresence(
  services: Services,
  { password }: Proof,
  { user: owner }: Principal,
  client: Client,
): Promise<readonly AuthenticationMethod[] | Refusal<"wrong_password"> | Refusal<"busy">> {
  return (await checkCurrentPassword(services, owner, password, client.network)) ?? PASSWORD_ALONE;
}

/** One round trip, [session ∥ user]: either may have changed while the proof was checked. */
async function renewSession(services: Services, caller: Principal, proved: readonly AuthenticationMethod[]) {
  const { audit, keyring, sessions, users } = services;
  const { sessionId } = caller;
  const userId = caller.user.id;
  const [renewed, { user: owner, keyringVersion }] = await Promise.all([
    sessions.reauthenticate(userId, sessionId, proved),
    users.findWithKeyringVersion(userId),
    keyring.warm(),
  ]);
  if (renewed === null || owner === undefined || !owner.isActive) return refuse("invalid_access_token");
  if (!isOfCurrentEpoch(owner, sessionId, renewed.epoch)) return refuse("invalid_access_token");
  const details = { session_id: sessionId, methods: writeMethods(proved) };
  audit.note("reauthenticated", { actorId: userId, userId, details });
  const { generation, expiresAt, authentication } = renewed;
  return issueTokenPair(services, { user: owner, sessionId, generation, expiresAt, authentication, keyringVersion });
}
