/** Refreshing: one round trip, [rotate ∥ user]. A forged token touches no storage. */
import { refuse } from "../http/problems.ts";
import { decide, type LimitDecision, policyOf } from "../limits/limiter.ts";
import type { LimitRules } from "../limits/rules.ts";
import type { Services } from "../services.ts";
import { openRefreshToken } from "../sessions/refresh-token.ts";
import type { Rotation } from "../sessions/user-sessions.ts";
import { issueTokenPair } from "./token-pair.ts";

export async function refresh(services: Services, refreshToken: string) {
  const { audit, config, keyring, mail, secrets, sessions, users } = services;
  const content = openRefreshToken(refreshToken, secrets);
  if (content === undefined) return refuse("invalid_refresh_token");

  const [rotation, { user, keyringVersion }] = await Promise.all([
    sessions.rotate(content.userId, content),
    users.findById(content.userId),
    keyring.warm(),
  ]);
  const { headers, refusal } = decideRefresh(rotation, config.limits.rules);
  if (refusal !== undefined) return { ...refusal, userId: content.userId };
  if (rotation.outcome === "reused") {
    const { userId, sessionId } = content;
    audit.note("refresh_token_reused", { userId, details: { session_id: sessionId } });
    mail.notify({ kind: "refresh_reused", userId, device: rotation.device });
    return refuse("refresh_token_reused", { userId });
  }
  if (rotation.outcome !== "rotated" || user === undefined || !user.isActive) return refuse("invalid_refresh_token");
  if (rotation.epoch < user.sessionEpoch) return refuse("invalid_refresh_token");
  const { generation, expiresAt } = rotation;
  const tokens = await issueTokenPair(services, {
    user,
    sessionId: content.sessionId,
    generation,
    expiresAt,
    keyringVersion,
  });
  return { tokens, userId: user.id, headers };
}

/** What the session says of its own limit, where it was counted. */
function decideRefresh(rotation: Rotation, rules: LimitRules): LimitDecision {
  if (!("reading" in rotation) || rotation.reading === undefined) return { headers: {} };
  const name = "refreshPerSession";
  return decide([{ name, policy: policyOf(name, rules[name]), reading: rotation.reading }]);
}
