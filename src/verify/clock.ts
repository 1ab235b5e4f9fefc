/** The clock of `postern/verify`, which imports nothing from the rest of the service. */

export const SECOND = 1_000;

/** Milliseconds since the epoch. */
export function systemTime(): number {
  return Date.now();
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
