import * as z from "zod";
import { mustHaveFactor } from "../../access/factor-policy.ts";
import type { LimitRules } from "../../config/limit-rules.ts";
import { holderOf } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import type { Services } from "../../endpoint/services.ts";
import type { Exchange } from "../../http/exchange.ts";
import { decide, type LimitDecision, policyOf } from "../../limits/decision.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { refreshToken, verifyRefreshToken } from "../../sessions/refresh-token.ts";
import type { Rotation } from "../../sessions/session-messages.ts";
import { issueTokenPair, tokenPairSchema } from "../../tokens/token-pair.ts";
import { isOfCurrentEpoch, type User } from "../../users/user.ts";
import { clearRefreshCookie, handOut, readRefreshCookies } from "./refresh-cookie.ts";

export const refresh = endpoint(
  {
    id: "refresh",
    method: "post",
    path: "/api/v1/auth/refresh",
    tag: "Authentication",
    summary: "Refresh",
    description:
      "Exchanges a refresh token for the next pair of tokens. The previous token gets the same successor again within a short grace period. An older one ends the session. A page that doesn't know yet whether its browser has a session sends `restore: true`.",
    caller: holderOf("refresh_token"),
    body: () =>
      z.strictObject({
        refresh_token: refreshToken.optional(),
        restore: z
          .boolean()
          .optional()
          .meta({ description: "Answer 204 instead of 401 `invalid_refresh_token` if there is no session." }),
      }),
    bodyOptional: true,
    limits: [takenByHandler("refreshPerSession")],
    outcomes: "refreshes",
    success: { status: 200, description: "The next pair of tokens.", schema: tokenPairSchema },
    alternatives: [{ status: 204, description: "There is no session. Only with `restore: true`." }],
    refusals: [
      "invalid_refresh_token",
      "refresh_token_reused",
      "refresh_token_superseded",
      "origin_not_allowed",
      "rate_limited",
    ],
  },
  async (services, { body, exchange }) => {
    const cookies = body.refresh_token === undefined ? readRefreshCookies(services, exchange) : [];
    if (isRefusal(cookies)) return cookies;
    const inCookie = cookies.length > 0;
    const tokens = await rotateFirst(services, exchange, inCookie ? cookies : [body.refresh_token ?? ""]);
    if (!isRefusal(tokens)) return handOut(services, exchange, tokens, inCookie);
    if (inCookie && !KEEPS_COOKIE.has(tokens.code)) clearRefreshCookie(services, exchange);
    // Browsers show every 401 in the console, but a visitor who is not logged in is not an error.
    return body.restore && tokens.code === "invalid_refresh_token" ? new Reply(undefined, {}, 204) : tokens;
  },
);

/**
 * The refusals after which the cookie stays. If a limit refused the token, the token is still valid. If the token was
 * superseded, the browser may already have stored the newer one.
 */
const KEEPS_COOKIE = new Set<string>(["rate_limited", "refresh_token_superseded"]);

/**
 * Tries the next token if a session has ended, because the cookie of an ended session may come before the cookie of the
 * current one.
 */
async function rotateFirst(services: Services, exchange: Exchange, [first = "", ...others]: readonly string[]) {
  let tokens = await rotateSession(services, exchange, first);
  for (const token of others) {
    if (!isRefusal(tokens) || tokens.code !== "invalid_refresh_token") break;
    tokens = await rotateSession(services, exchange, token);
  }
  return tokens;
}

/** One round trip, [rotate ∥ user]. A forged token is refused without a storage call. */
async function rotateSession(services: Services, exchange: Exchange, token: string) {
  const { config, keyring, meter, secrets, sessions, users } = services;
  const content = verifyRefreshToken(token, secrets);
  if (content === undefined) return refuse("invalid_refresh_token");

  const { sessionId, userId } = content;
  const [rotation, { user, keyringVersion }] = await Promise.all([
    sessions.rotate(userId, content),
    users.findWithKeyringVersion(userId),
    keyring.warm(),
  ]);
  const { headers, refusal } = limitDecision(rotation, config.limits.rules);
  if (refusal !== undefined) {
    meter.count("limits_hit", { limit: "refreshPerSession" });
    return refuse("rate_limited", { ...refusal.details, userId });
  }
  if (rotation.outcome === "reused") return refuse("refresh_token_reused", { userId });
  if (rotation.outcome === "superseded") return refuse("refresh_token_superseded", { userId });
  if (rotation.outcome !== "rotated" || user === undefined || !user.isActive) return refuse("invalid_refresh_token");
  if (!isOfCurrentEpoch(user, sessionId, rotation.epoch)) return refuse("invalid_refresh_token");
  exchange.addHeaders(headers);
  exchange.identify(userId);
  noteFactorDemand(services, user);
  const { generation, expiresAt, authentication } = rotation;
  return issueTokenPair(services, { user, sessionId, generation, expiresAt, authentication, keyringVersion });
}

/** Begins the grace period of a logged-in user for whom a second factor has become mandatory. */
function noteFactorDemand({ afterResponse, clock, config, users }: Services, user: User): void {
  if (user.secondFactorDemandedAt !== null || !mustHaveFactor(config, user)) return;
  afterResponse.add(() => users.noteFactorDemand(user.id, clock.now()));
}

/** The refusal and the headers of the limit on refreshes, which the user's object counts. */
function limitDecision(rotation: Rotation, rules: LimitRules): LimitDecision {
  if (!("reading" in rotation) || rotation.reading === undefined) return { headers: {} };
  const name = "refreshPerSession";
  return decide([{ name, policy: policyOf(name, rules[name]), reading: rotation.reading }]);
}
