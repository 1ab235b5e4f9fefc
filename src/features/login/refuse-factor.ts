import type { Services } from "../../endpoint/services.ts";
import type { FailedProof } from "../../factors/factor-proofs.ts";
import { refuseProof } from "../../factors/refuse-proof.ts";
import type { LostFactor, UnprovedFactor } from "../../sessions/session-messages.ts";

/** Whether the user's object refused because of the second factor. */
export function isUnproved(outcome: unknown): outcome is UnprovedFactor | LostFactor {
  return typeof outcome === "object" && outcome !== null && "outcome" in outcome;
}

/**
 * Refuses a proof that the user's object has refused. `isCode`: whether the proof was a code. Only wrong codes are
 * recorded, because only codes can be guessed.
 */
export function refuseFactor(
  { audit, meter }: Services,
  { userId, actorId, isCode }: { userId: string; actorId?: string; isCode: boolean },
  failed: FailedProof,
) {
  if (failed.outcome === "invalid" && isCode) audit.note("second_factor_failed", { actorId, userId });
  return refuseProof(failed, "invalid_factor", meter, userId);
}
