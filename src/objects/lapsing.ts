/** Something that an object keeps for a time. The object's alarm deletes it. Times are milliseconds since the epoch. */
export interface Lapsing {
  /** Deletes what is no longer needed. */
  dropLapsed(now: number): void;
  /** When there is something to delete next; `undefined` if nothing is kept. */
  nextLapse(): number | undefined;
}

/** The earliest of the times that are known. */
export function earliest(times: readonly (number | null | undefined)[]): number | undefined {
  const known = times.filter((time) => typeof time === "number");
  return known.length === 0 ? undefined : Math.min(...known);
}
