/**
 * Revocations in KV: one record per user, written by that user's UserSessions object alone and read
 * by other Workers. It disappears by itself when nothing that it covers can still be alive.
 *
 * Key `revoked:<user id>`, value `{ "sessions": { "<session id>": <refused until, seconds> } }`.
 */
import { SECOND, toSeconds } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";

/** `refusedUntil` is milliseconds since the epoch: by then every access token of the session has expired. */
export type RevokedSession = { sessionId: string; refusedUntil: number };

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
  now: number,
): Promise<void> {
  if (revoked.length === 0) return;
  const last = Math.max(...revoked.map(({ refusedUntil }) => refusedUntil));
  const sessions = Object.fromEntries(
    revoked.map(({ sessionId, refusedUntil }) => [sessionId, toSeconds(refusedUntil + SECOND - 1)]),
  );
  await kv.put(revocationKey(userId), JSON.stringify({ sessions }), {
    expirationTtl: Math.max(SHORTEST_TTL, Math.ceil((last - now) / SECOND)),
  });
}
