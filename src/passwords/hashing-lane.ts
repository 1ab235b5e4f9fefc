/**
 * The hashing lane: a short queue in one isolate for passwords that wait to be hashed, first come, first served. A hash
 * blocks the isolate and takes a quarter of its memory. Between two hashes, the lane lets the isolate handle other
 * requests. If it did not, a burst of logins would stop the verification of tokens.
 *
 * Each waiting request has a place in the queue. Places are values, not promises: a request must never wait for a
 * promise of another request, which may be cancelled. The place of a cancelled request expires.
 */
import { type Clock, pause } from "../platform/clock.ts";
import { inSpan } from "../platform/spans.ts";
import type { ScryptCost } from "./hash-format.ts";

/**
 * How often a waiting request checks whether it is next, in milliseconds. Other requests run meanwhile, for one turn of
 * this length.
 */
const LOOK_EVERY = 5;
/** In milliseconds. A place that was not refreshed for this long belongs to a cancelled request. */
const PLACE_LAPSES_AFTER = 250;

export type HashingLane = ReturnType<typeof createHashingLane>;

/**
 * How many turns other requests get between two hashes: together about a tenth of the time of a hash, 6 turns at the
 * default cost. A request needs several turns: one to arrive, one for each storage answer and one for its response.
 * With only one turn between two hashes, it would wait for a whole hash before each of its turns. The cheap hashes of
 * development need 0 turns, because they hardly block other requests.
 */
export function turnsBetweenHashes({ ln, r, p }: ScryptCost): number {
  return Math.floor((2 ** ln * r * p) / 2 ** 17);
}

/**
 * `length`: how many requests may wait while one hashes. `turns`: how many turns other requests get between two hashes.
 * If `turns` is 0 there is no lane, because waiting would take longer than hashing.
 */
export function createHashingLane(length: number, turns: number, clock: Clock, wait = pause) {
  let places: { seenAt: number }[] = [];
  const isFull = () => places.length > length;
  const isSilent = (place: { seenAt: number }, asOf: number) => asOf - place.seenAt > PLACE_LAPSES_AFTER;

  async function look(place: { seenAt: number }, milliseconds: number): Promise<void> {
    await wait(milliseconds);
    // Compare with the last refresh of this place, and not with the current time: while a hash runs, no request can
    // refresh its place.
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
    // First let the requests run that arrived while the last hash blocked the isolate.
    await look(place, 0);
    for (let turn = 0; turn < turns; turn++) await look(place, LOOK_EVERY);
    // This request looked cancelled, so another request has removed its place. Hashing now would run two hashes without
    // a pause for other requests.
    if (places[0] !== place) return undefined;
    // No `await` from here on: no other request may run between the hash and the release of the place.
    try {
      return compute(work);
    } finally {
      places.shift();
    }
  }

  return {
    /** How many passwords wait while one is hashed. */
    waiting: () => Math.max(0, places.length - 1),
    /**
     * Runs `work`, which must be synchronous, when its turn comes. Returns `undefined` if too many passwords already
     * wait, or if another request took this one out of the queue because it seemed cancelled.
     */
    run: async <Result>(work: () => Result): Promise<Result | undefined> =>
      inSpan("postern.hash", { "postern.hash.ahead": places.length }, () =>
        turns === 0 ? compute(work) : takeTurn(work),
      ),
  };
}

const compute = <Result>(work: () => Result) => inSpan("postern.hash.compute", {}, work);
