/**
 * Records that a Durable Object keeps for a limited time. The object's alarm deletes them. Times are milliseconds since
 * the epoch.
 */
export interface Lapsing {
  /** Deletes the records that are no longer needed. */
  dropLapsed(now: number): void;
  /** When the next record can be deleted; `undefined` if there are no records. */
  nextLapse(): number | undefined;
}

/** The earliest of the known times; `undefined` if no time is known. */
export function earliest(times: readonly (number | null | undefined)[]): number | undefined {
  const known = times.filter((time) => typeof time === "number");
  return known.length === 0 ? undefined : Math.min(...known);
}
