/**
 * The Metrics object: one for the whole service. Adds up the counts of all isolates. Isolates come and go, and a scrape
 * reaches only one of them, so no isolate could give the total.
 *
 * The object stores all counts as one row, {@link STORE_AFTER} after a change, and before it answers a scrape. So a
 * counter never falls below a value that was scraped. Each hour of the history is another row, stored at the same time.
 * If the object is evicted, it loses at most the counts of the last five seconds.
 */
import { DurableObject } from "cloudflare:workers";
import { MINUTE, pause, SECOND, systemClock } from "../platform/clock.ts";
import { addCounts, type Counts } from "./counts.ts";
import { beginningOf, HISTORY_MEMORY, type HistoryPeriod, historyIn } from "./history.ts";
import type { HandOver } from "./tally.ts";

const COUNTS = "counts";
/**
 * The prefix of an hour's storage key. The start of the hour follows, in milliseconds since the epoch. This number has
 * thirteen digits until 2286, so the keys sort by time.
 */
const HOURS = "hour:";
/** Shorter than the ten seconds of idleness after which the platform may evict an object. */
const STORE_AFTER = 5 * SECOND;
/** For how long scrapes show a number of waiting passwords. Longer than the usual time between two scrapes. */
const SHOWN_FOR = MINUTE;

export class Metrics extends DurableObject {
  readonly #counts = this.ctx.storage.kv.get<Counts>(COUNTS) ?? {};
  #isStored = true;
  /** The counts of the counters with a history, for the latest hour in which they counted something. */
  #hour: HistoryPeriod = { at: 0, counts: {} };
  #waited: { passwords: number; at: number }[] = [];

  /** Adds the counts of an isolate. */
  add(handedOver: HandOver): void {
    this.#add(handedOver);
    if (this.#isStored) this.ctx.waitUntil(this.#storeLater());
    this.#isStored = false;
  }

  /** Adds the counts of the isolate that answers a scrape, and returns the counts of all isolates. */
  read(handedOver: HandOver): HandOver {
    this.#add(handedOver);
    this.#store();
    const waiting = Math.max(0, ...this.#waited.map(({ passwords }) => passwords));
    return { counts: this.#counts, waiting };
  }

  /** Adds the counts of the calling isolate, and returns the history since a time, by hours or days, oldest first. */
  history(handedOver: HandOver, since: number, unit: "hour" | "day"): HistoryPeriod[] {
    this.#add(handedOver);
    this.#store();
    const periods = new Map<number, Counts>();
    const hours = this.ctx.storage.kv.list<Counts>({ prefix: HOURS, start: HOURS + since });
    for (const [key, counts] of hours) {
      const at = beginningOf(unit, Number(key.slice(HOURS.length)));
      const sums = periods.get(at) ?? {};
      addCounts(sums, counts);
      periods.set(at, sums);
    }
    return [...periods].map(([at, counts]) => ({ at, counts }));
  }

  #add({ counts, waiting }: HandOver): void {
    addCounts(this.#counts, counts);
    const now = systemClock.now();
    this.#addToHistory(historyIn(counts), now);
    this.#waited = this.#waited.filter(({ at }) => now - at <= SHOWN_FOR);
    if (waiting > 0) this.#waited.push({ passwords: waiting, at: now });
  }

  #addToHistory(counts: Counts, now: number): void {
    if (Object.keys(counts).length === 0) return;
    const at = beginningOf("hour", now);
    if (at !== this.#hour.at) {
      this.#storeHour();
      const { kv } = this.ctx.storage;
      this.#hour = { at, counts: kv.get<Counts>(HOURS + at) ?? {} };
      for (const [key] of [...kv.list({ prefix: HOURS, end: HOURS + (now - HISTORY_MEMORY) })]) kv.delete(key);
    }
    addCounts(this.#hour.counts, counts);
  }

  #storeHour(): void {
    const { at, counts } = this.#hour;
    if (at > 0) this.ctx.storage.kv.put(HOURS + at, counts);
  }

  async #storeLater(): Promise<void> {
    await pause(STORE_AFTER);
    if (!this.#isStored) this.#store();
  }

  #store(): void {
    this.ctx.storage.kv.put(COUNTS, this.#counts);
    this.#storeHour();
    this.#isStored = true;
  }
}
