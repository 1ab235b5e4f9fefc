import { pause } from "./clock.ts";

/** Milliseconds between tries. Short enough for work after a response, which the platform ends after 30 s. */
const PAUSES = [200, 1_000, 5_000];

/** Retries a failing operation with growing pauses. Throws the error of the last try. */
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

/** The pause after `failures` failures (from 1): `first`, doubling each time up to `longest`. In milliseconds. */
export function doublingPause(failures: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** (failures - 1));
}
