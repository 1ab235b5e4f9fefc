import type { Services } from "../../endpoint/services.ts";
import { refuseProof } from "../../factors/refuse-proof.ts";
import { refuse } from "../../platform/refusal.ts";
import type { UnprovedFactor } from "../../sessions/session-messages.ts";

/** Whether the user's object refused because of the second factor. */
export function isUnproved(outcome: unknown): outcome is UnprovedFactor {
  return typeof outcome === "object" && outcome !== null && "outcome" in outcome;
}

/** Refuses what the user's object refused of a login. `isCode`: only codes are limited, so only wrong codes are recorded. */
export function refuseFactor(
  { audit, meter }: Services,
  { userId, actorId, isCode }: { userId: string; actorId?: string; isCode: boolean },
  unproved: Exclude<UnprovedFactor, { outcome: "factor_required" }>,
) {
  if (unproved.outcome === "lost") return refuse("second_factor_lost", { userId });
  if (unproved.outcome === "spent") return refuse("invalid_pending_token", { userId });
  if (unproved.outcome === "invalid" && isCode) audit.note("second_factor_failed", { actorId, userId });
  return refuseProof(unproved, "invalid_factor", meter, userId);
}
