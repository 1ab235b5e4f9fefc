/** The clock of the entry that other Workers import, which stands by itself. */

export const SECOND = 1_000;

/** Milliseconds since the epoch. */
export function systemTime(): number {
  return Date.now();
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
