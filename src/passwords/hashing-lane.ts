/**
 * The hashing lane: a short queue of passwords that wait for hashing in one isolate, first come, first served. Between
 * two hashes, the isolate handles other requests. A hash blocks the isolate and takes a quarter of its memory, so
 * without the lane a burst of logins would starve token verification.
 *
 * The lane stores values, never a promise. The place of a request that is cancelled while it waits expires, and no
 * request waits for the continuation of another.
 */
import { type Clock, pause } from "../platform/clock.ts";
import { inSpan } from "../platform/spans.ts";
import type { ScryptCost } from "./hash-format.ts";

/**
 * In milliseconds. How often a waiting request checks whether it is next; also the length of one turn for other
 * requests.
 */
const LOOK_EVERY = 5;
/** In milliseconds. A place that was not refreshed for this long belongs to a cancelled request. */
const PLACE_LAPSES_AFTER = 250;

export type HashingLane = ReturnType<typeof createHashingLane>;

/**
 * How many turns other requests get between two hashes: about a tenth of a hash's time, 6 at the default cost. One turn
 * is not enough: a request needs one to arrive, one for each storage answer and one for its response, and would wait
 * for a whole hash before each. 0 for the cheap hashes of development, which block no other request.
 */
export function turnsBetweenHashes({ ln, r, p }: ScryptCost): number {
  return Math.floor((2 ** ln * r * p) / 2 ** 17);
}

/**
 * `length` is how many requests may wait while one hashes, `turns` how many turns other requests get between two
 * hashes. Without turns there is no lane: waiting would take longer than the hashes.
 */
export function createHashingLane(length: number, turns: number, clock: Clock, wait = pause) {
  let places: { seenAt: number }[] = [];
  const isFull = () => places.length > length;
  const isSilent = (place: { seenAt: number }, asOf: number) => asOf - place.seenAt > PLACE_LAPSES_AFTER;

  async function look(place: { seenAt: number }, milliseconds: number): Promise<void> {
    await wait(milliseconds);
    // Compare with this place's own last refresh. A hash blocks all requests equally, and every live request has
    // refreshed its place since the hash ended.
    places = places.filter((other) => !isSilent(other, place.seenAt));
    place.seenAt = clock.now();
  }

  /** Runs `work` when its turn comes. */
  async function takeTurn<Result>(work: () => Result): Promise<Result | undefined> {
    const place = { seenAt: clock.now() };
    if (isFull() && places.some((other) => isSilent(other, place.seenAt))) await look(place, LOOK_EVERY);
    if (isFull()) return undefined;
    places.push(place);
    while (places[0] !== place && places.includes(place)) await look(place, LOOK_EVERY);
    // Let the requests go first that arrived while the last hash blocked the isolate.
    await look(place, 0);
    for (let turn = 0; turn < turns; turn++) await look(place, LOOK_EVERY);
    // Another request has removed this place, because this request looked cancelled. Hashing now would run two hashes
    // without a pause for other requests.
    if (places[0] !== place) return undefined;
    // No `await` from here on: no other request may run between the hash and the release of the place.
    try {
      return compute(work);
    } finally {
      places.shift();
    }
  }

  return {
    /** How many wait while one hashes. */
    waiting: () => Math.max(0, places.length - 1),
    /** Runs `work` (synchronous) when its turn comes; `undefined` if too many are already waiting. */
    run: async <Result>(work: () => Result): Promise<Result | undefined> =>
      inSpan("postern.hash", { "postern.hash.ahead": places.length }, () =>
        turns === 0 ? compute(work) : takeTurn(work),
      ),
  };
}

const compute = <Result>(work: () => Result) => inSpan("postern.hash.compute", {}, work);
