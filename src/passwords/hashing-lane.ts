/**
 * The hashing lane: at most a few passwords wait for hashing in one isolate, first come first served,
 * and between two hashes every other request has its turn. A hash blocks the isolate and takes a
 * quarter of its memory, so a burst of logins would otherwise starve token verification.
 *
 * The lane holds values, never a promise: a request that is cancelled while it waits leaves a place
 * that lapses, and nobody ever waits for another request's continuation.
 */
import { type Clock, pause, SECOND } from "../platform/clock.ts";

/** A place whose request has not been heard of for this long belongs to a request that was cancelled. */
const PLACE_LAPSES_AFTER = 2 * SECOND;
/** How often a waiting request looks whether it is its turn. */
const LOOK_EVERY = 5;

export interface HashingLane {
  /** Runs `work` (synchronous) when its turn comes; `undefined` when too many are waiting already. */
  run<Result>(work: () => Result): Promise<Result | undefined>;
}

export function createHashingLane(length: number, clock: Clock): HashingLane {
  const places: { seenAt: number }[] = [];
  let lastHashEndedAt = Number.NEGATIVE_INFINITY;

  function dropLapsedPlaces(): void {
    const now = clock.now();
    // While a hash computes nobody is heard of, so silence counts from its end.
    const silentSince = (place: { seenAt: number }) => Math.max(place.seenAt, lastHashEndedAt);
    while (places[0] !== undefined && now - silentSince(places[0]) > PLACE_LAPSES_AFTER) places.shift();
  }

  return {
    async run(work) {
      dropLapsedPlaces();
      if (places.length > length) return undefined;
      const place = { seenAt: clock.now() };
      places.push(place);
      while (places[0] !== place && places.includes(place)) {
        await pause(LOOK_EVERY);
        place.seenAt = clock.now();
        dropLapsedPlaces();
      }
      // Whatever came while the last hash blocked the isolate goes first.
      await pause(0);
      // From here to the end nothing is awaited: work, and giving the place back, are one turn.
      try {
        return work();
      } finally {
        lastHashEndedAt = clock.now();
        const position = places.indexOf(place);
        if (position >= 0) places.splice(position, 1);
      }
    },
  };
}
