/**
 * The hashing lane: at most a few passwords wait for hashing in one isolate, first come first served,
 * and between two hashes every other request has its turns. A hash blocks the isolate and takes a
 * quarter of its memory, so a burst of logins would otherwise starve token verification.
 *
 * The lane holds values, never a promise: a request that is cancelled while it waits leaves a place
 * that lapses, and nobody ever waits for another request's continuation.
 */
import { type Clock, pause } from "../platform/clock.ts";
import type { ScryptCost } from "./scrypt.ts";

/** Milliseconds between two looks of a waiting request at whether it is its turn; and one turn of everybody else. */
const LOOK_EVERY = 5;
/** Milliseconds: a place whose request has not been heard of for this long belongs to one that was cancelled. */
const PLACE_LAPSES_AFTER = 250;

export interface HashingLane {
  /** Runs `work` (synchronous) when its turn comes; `undefined` when too many are waiting already. */
  run<Result>(work: () => Result): Promise<Result | undefined>;
}

/**
 * How many turns everybody else has between two hashes: about a tenth of a hash's time, 6 at the default cost.
 * One is not enough: a request takes one to arrive, one for each answer of its storage and one to be answered, and
 * would wait for a whole hash before each. Cheap hashes, which tests use, block nobody.
 */
export function turnsBetweenHashes({ ln, r, p }: ScryptCost): number {
  return Math.floor((2 ** ln * r * p) / 2 ** 17);
}

/** `length` is how many wait while one works, `turns` how often the others have their turn between two. */
export function createHashingLane(length: number, turns: number, clock: Clock, wait = pause): HashingLane {
  let places: { seenAt: number }[] = [];
  const isFull = () => places.length > length;
  const isSilent = (place: { seenAt: number }, asOf: number) => asOf - place.seenAt > PLACE_LAPSES_AFTER;

  async function look(place: { seenAt: number }, milliseconds: number): Promise<void> {
    await wait(milliseconds);
    // As of its own last look: a hash silences all alike, and whoever lives has looked again since it ended.
    places = places.filter((other) => !isSilent(other, place.seenAt));
    place.seenAt = clock.now();
  }

  return {
    async run(work) {
      const place = { seenAt: clock.now() };
      if (isFull() && places.some((other) => isSilent(other, place.seenAt))) await look(place, LOOK_EVERY);
      if (isFull()) return undefined;
      places.push(place);
      while (places[0] !== place && places.includes(place)) await look(place, LOOK_EVERY);
      // Whatever came while the last hash blocked the isolate goes first.
      await look(place, 0);
      for (let turn = 0; turn < turns; turn++) await look(place, LOOK_EVERY);
      // Taken for cancelled: working all the same would make two hashes follow each other.
      if (places[0] !== place) return undefined;
      // From here to the end nothing is awaited: work, and giving the place back, are one turn.
      try {
        return work();
      } finally {
        places.shift();
      }
    },
  };
}
