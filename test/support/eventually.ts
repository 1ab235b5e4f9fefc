import { vi } from "vitest";

/**
 * Repeats a check of what happens in the background until the check passes, and returns its result. The time limit is
 * long, because the machine may be busy with something else.
 */
export const eventually = <Result>(check: () => Result | Promise<Result>): Promise<Result> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });
