/**
 * Revocations in KV: one record per user, written by that user's UserSessions object alone and read
 * by other Workers. It disappears by itself when nothing that it covers can still be alive.
 *
 * Key `revoked:<user id>`, value `{ "sessions": { "<session id>": <refused until, seconds> }, "role": "<role>" }`.
 * An access token is refused where its `sid` is listed, or where a role is given and its `role` is another.
 */
import { SECOND, toSeconds } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";

/** `refusedUntil` is milliseconds since the epoch: by then every access token of the session has expired. */
export type RevokedSession = { sessionId: string; refusedUntil: number };

/** The role that access tokens must say since it changed; by `refusedUntil` those from before have expired. */
export type ChangedRole = { role: string; refusedUntil: number };

/** KV's own minimum, in seconds. */
const SHORTEST_TTL = 60;

export function revocationKey(userId: string): string {
  return `revoked:${userId}`;
}

/** The records as this Worker needs them: it asks the objects, and only wants to know that KV answers. */
export interface Revocations {
  ping(): Promise<void>;
}

export function createRevocations(kv: KVNamespace, hops: Hops): Revocations {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}

/** Writes the whole record. Throws what KV throws. */
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
