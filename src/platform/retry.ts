import { pause } from "./clock.ts";

/** Milliseconds between tries, for work that follows an answer: the platform lets a Worker run on for 30 s. */
const PAUSES = [200, 1_000, 5_000];

/** Tries again, later and later, what failed. Throws what the last try threw. */
export async function retry<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (const milliseconds of PAUSES) {
    try {
      return await attempt();
    } catch {
      await pause(milliseconds);
    }
  }
  return attempt();
}

/** Milliseconds to wait after so many failures (from 1 on): `first`, then twice as long each time, up to `longest`. */
export function doublingPause(failures: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** (failures - 1));
}
