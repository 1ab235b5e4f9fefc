/** Code that needs the time takes a clock as a parameter. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** The only place that reads the real clock. */
export const systemClock: Clock = { now: () => Date.now() };

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Whole seconds since the epoch, rounded down: the NumericDate of RFC 7519 §2. */
export function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / SECOND);
}

/** The ISO 8601 UTC format of the API. */
export function toIsoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/**
 * How long to wait for a store or a queue, in milliseconds: in a health check, a scrape of the metrics, a consumer of a
 * queue, or a report of a user's object.
 */
export const STORE_PATIENCE = 5 * SECOND;

/**
 * Waits for a call for at most `milliseconds` and returns its result. If the call takes longer, throws, but does not
 * stop the call.
 */
export async function inTime<Result>(call: Promise<Result>, milliseconds = STORE_PATIENCE): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([call, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves later, so that the isolate can handle other events. The timer belongs to the calling request. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
