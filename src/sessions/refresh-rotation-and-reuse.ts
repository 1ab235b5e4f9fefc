/**
 * Decides from its generation what a refresh token may do. A client sends a token that was already replaced if a
 * response was lost, if two tabs refresh at once, or if the token was stolen. What happens then is in
 * `user-sessions-object.ts`.
 */
import type { Session } from "./session-records.ts";

type Rotated = Pick<Session, "generation" | "rotatedAt">;

/**
 * `current`: the newest token, which is exchanged for the next one. `repeated`: the token before it, which gets the
 * same successor during the grace period. `superseded`: the last token before the session's level rose, which gets
 * nothing. `reused`: any older token. Its use means theft, and the session ends (RFC 9700 §4.14.2).
 */
type RefreshVerdict = "current" | "repeated" | "superseded" | "reused";

/** `raisedTo` is the generation that the session skipped to when its level last rose. `grace` is in milliseconds. */
export function judgeRefresh(
  session: Rotated,
  generation: number,
  raisedTo: number | null,
  { grace, now }: { grace: number; now: number },
): RefreshVerdict {
  if (generation === session.generation) return "current";
  if (wasSkipped(session, generation, raisedTo, { grace, now })) return "superseded";
  return isInGrace(session, generation, grace, now) ? "repeated" : "reused";
}

/**
 * Whether a refresh token of this generation gets the same successor again: it was replaced within the grace period.
 */
export function isInGrace(session: Rotated, generation: number, grace: number, now: number): boolean {
  return generation === session.generation - 1 && isRecent(session, grace, now);
}

/**
 * Whether a generation is the last one before the level of its session rose, if it rose within the grace period.
 * `raisedTo` is the generation that the session then skipped to.
 */
function wasSkipped(
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
