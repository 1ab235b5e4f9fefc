import type { Hops } from "../platform/hops.ts";
import { revocationKey } from "./revocation-record.ts";

/**
 * Tests whether KV answers. KV has the revocation records for other Workers. This Worker doesn't read them, but asks
 * the users' objects.
 */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(kv: KVNamespace, hops: Hops) {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}
