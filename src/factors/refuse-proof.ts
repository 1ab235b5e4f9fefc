import { SECOND } from "../platform/clock.ts";
import type { Meter } from "../platform/meter.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import type { FailedProof } from "./factor-proofs.ts";

/** The refusal of a wrong proof, or of a code that the user sent during the pause after wrong codes. */
export function refuseProof<Code extends "invalid_factor" | "invalid_passkey">(
  failed: FailedProof,
  code: Code,
  meter: Meter,
  userId: string,
): Refusal<Code> | Refusal<"rate_limited"> {
  if (failed.outcome !== "limited") return refuse(code, { userId });
  meter.count("limits_hit", { limit: "secondFactorPerUser" });
  const headers = { "Retry-After": String(Math.ceil(failed.wait / SECOND)) };
  return refuse("rate_limited", { userId, headers });
}
