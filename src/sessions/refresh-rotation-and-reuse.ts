/**
 * Judges a refresh token by its generation, a number that each refresh increases. A client may send a token that was
 * already replaced, because a response was lost, two tabs refreshed at once, or the token was stolen.
 * `user-sessions-object.ts` acts on the verdict.
 */
import type { Session } from "./session-records.ts";

type Rotated = Pick<Session, "generation" | "rotatedAt">;

/**
 * `current`: the newest token, which is exchanged for the next one. `repeated`: the token before it, which gets the
 * same successor during the grace period. `superseded`: the last token before the session's authentication level rose,
 * which gets nothing. `reused`: any older token. Its use means theft, and the session ends (RFC 9700 §4.14.2).
 */
type RefreshVerdict = "current" | "repeated" | "superseded" | "reused";

/** `raisedTo` is the session's generation just after its level last rose. `grace` is in milliseconds. */
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
 * Whether a refresh token was replaced within the grace period, so that it gets the same successor again.
 */
export function isInGrace(session: Rotated, generation: number, grace: number, now: number): boolean {
  return generation === session.generation - 1 && isRecent(session, grace, now);
}

/**
 * Whether a generation was the newest one until the session's level rose, and the level rose at most `grace` ago. When
 * the level rises, the session skips a generation, so `raisedTo` is higher by 2.
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
