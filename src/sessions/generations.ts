/** Which of a session's refresh tokens still count beside the newest one. */
import type { Session } from "./session-records.ts";

type Rotated = Pick<Session, "generation" | "rotatedAt">;

/**
 * Whether a refresh token of this generation gets the same successor again: it was replaced within the grace period.
 */
export function isInGrace(session: Rotated, generation: number, grace: number, now: number): boolean {
  return generation === session.generation - 1 && isRecent(session, grace, now);
}

/**
 * Whether a generation is the last one before the level of its session rose, a moment ago. `raisedTo` is the generation
 * that the session then skipped to.
 */
export function wasSkipped(
  session: Rotated,
  generation: number,
  raisedTo: number | null,
  { grace, now }: { grace: number; now: number },
): boolean {
  return raisedTo === session.generation && generation === raisedTo - 2 && isRecent(session, grace, now);
}

function isRecent({ rotatedAt }: Rotated, grace: number, now: number): boolean {
  return now - rotatedAt <= grace;
}
