import type { Hops } from "../platform/hops.ts";
import { revocationKey } from "./revocation-record.ts";

/**
 * Tests that KV, which has the revocation records, answers. This Worker reads no revocation records itself: it asks the
 * users' objects.
 */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(kv: KVNamespace, hops: Hops) {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}
