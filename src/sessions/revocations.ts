/**
 * Revocations in KV: one record per user. Only that user's UserSessions object writes it; other Workers read it. It
 * expires on its own once every token that it covers has expired.
 *
 * Key `revoked:<user id>`, value `{ "sessions": { "<session id>": <refused until, seconds> }, "role": "<role>" }`. An
 * access token is refused if its `sid` is listed, or if the record has a role and the token's `role` differs.
 */
import { SECOND, toSeconds } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";

/** `refusedUntil` is in milliseconds since the epoch. Every access token of the session has expired by then. */
export type RevokedSession = { sessionId: string; refusedUntil: number };

/** The role that access tokens must have since it changed. Tokens with the old role have expired by `refusedUntil`. */
export type ChangedRole = { role: string; refusedUntil: number };

/** KV's minimum, in seconds. */
const SHORTEST_TTL = 60;

export function revocationKey(userId: string): string {
  return `revoked:${userId}`;
}

/**
 * What this Worker needs of the records. It checks sessions by asking the objects, so it only tests that KV answers.
 */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(kv: KVNamespace, hops: Hops) {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}

/** Writes the whole record. Throws the errors of KV. */
export async function writeRevocations(
  kv: KVNamespace,
  userId: string,
  revoked: RevokedSession[],
  changed: ChangedRole | undefined,
  now: number,
): Promise<void> {
  const ends = [...revoked, ...(changed === undefined ? [] : [changed])].map(({ refusedUntil }) => refusedUntil);
  if (ends.length === 0) return;
  const last = Math.max(...ends);
  const sessions = Object.fromEntries(
    revoked.map(({ sessionId, refusedUntil }) => [sessionId, toSeconds(refusedUntil + SECOND - 1)]),
  );
  await kv.put(revocationKey(userId), JSON.stringify({ sessions, role: changed?.role }), {
    expirationTtl: Math.max(SHORTEST_TTL, Math.ceil((last - now) / SECOND)),
  });
}
