/**
 * The Metrics object: one for the whole service. Adds up what all isolates have counted. Isolates come and go, and a
 * scrape reaches only one of them, so no isolate could give the total.
 *
 * It stores all counts as one row, {@link STORE_AFTER} after a change, and before it answers a scrape. So a counter
 * never falls below a value that was scraped. If the object is lost, it loses at most the last five seconds.
 */
import { DurableObject } from "cloudflare:workers";
import { MINUTE, pause, SECOND, systemClock } from "../platform/clock.ts";
import { addCounts, type Counts } from "./counts.ts";
import type { HandOver } from "./tally.ts";

const COUNTS = "counts";
/** Shorter than the ten seconds of idleness after which the platform may evict an object. */
const STORE_AFTER = 5 * SECOND;
/** For how long a number of waiting passwords is shown: longer than the usual time between two scrapes. */
const SHOWN_FOR = MINUTE;

export class Metrics extends DurableObject {
  readonly #counts = this.ctx.storage.kv.get<Counts>(COUNTS) ?? {};
  #isStored = true;
  #waited: { passwords: number; at: number }[] = [];

  /** Adds what an isolate has counted. */
  add(handedOver: HandOver): void {
    this.#add(handedOver);
    if (this.#isStored) this.ctx.waitUntil(this.#storeLater());
    this.#isStored = false;
  }

  /** Adds what the isolate that answers a scrape has counted, and returns the numbers of all isolates. */
  read(handedOver: HandOver): HandOver {
    this.#add(handedOver);
    this.#store();
    const waiting = Math.max(0, ...this.#waited.map(({ passwords }) => passwords));
    return { counts: this.#counts, waiting };
  }

  #add({ counts, waiting }: HandOver): void {
    addCounts(this.#counts, counts);
    const now = systemClock.now();
    this.#waited = this.#waited.filter(({ at }) => now - at <= SHOWN_FOR);
    if (waiting > 0) this.#waited.push({ passwords: waiting, at: now });
  }

  async #storeLater(): Promise<void> {
    await pause(STORE_AFTER);
    if (!this.#isStored) this.#store();
  }

  #store(): void {
    this.ctx.storage.kv.put(COUNTS, this.#counts);
    this.#isStored = true;
  }
}
