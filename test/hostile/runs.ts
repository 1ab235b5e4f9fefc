import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** How many requests the hostile tests send in all, and the seed that makes them (vitest.config.ts). */
    hostile: { requests: number; seed: number };
  }
}

/** How often fast-check tries a property: `share` of all the requests. A failure prints the seed and the path to it. */
export function runs(share: number): { numRuns: number; seed: number } {
  const { requests, seed } = inject("hostile");
  return { numRuns: Math.ceil(requests * share), seed };
}
