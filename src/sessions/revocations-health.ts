import type { Hops } from "../platform/hops.ts";
import { revocationKey } from "./revocation-record.ts";

/**
 * What this Worker needs of the revocation records in KV. It checks sessions by asking the objects, so it only tests that
 * KV answers.
 */
export type Revocations = ReturnType<typeof createRevocations>;

export function createRevocations(kv: KVNamespace, hops: Hops) {
  return {
    async ping() {
      await hops.hop("kv", () => kv.get(revocationKey("health")));
    },
  };
}
