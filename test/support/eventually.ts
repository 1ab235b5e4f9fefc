import { vi } from "vitest";

/**
 * Repeats a check of what happens in the background until it passes, and returns its result. The limit is for a machine
 * that is busy with something else.
 */
export const eventually = <Result>(check: () => Result | Promise<Result>): Promise<Result> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });
