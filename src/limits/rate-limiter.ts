/**
 * The RateLimiter object: one per limited key, holding one number.
 *
 * GCRA (the generic cell rate algorithm, ITU-T I.371): the number is the theoretical arrival time,
 * the moment at which the key's budget will be whole again. Exact under concurrency, since one object
 * takes one turn at a time.
 */
import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../platform/clock.ts";
import type { LimitRule } from "./rules.ts";

/** What an attempt met. Times are milliseconds from now. */
export interface LimitReading {
  allowed: boolean;
  /** Attempts left. */
  remaining: number;
  /** Until the budget is whole again. */
  resetAfter: number;
  /** Until the next attempt is allowed; 0 where one is allowed now. */
  retryAfter: number;
}

const ARRIVAL = "theoretical_arrival";

export class RateLimiter extends DurableObject {
  /** Takes one attempt from the budget, or says how long to wait. */
  async take(rule: LimitRule): Promise<LimitReading> {
    const now = systemClock.now();
    const cost = rule.window / rule.budget;
    const arrival = Math.max(this.#arrival(), now);
    const next = arrival + cost;
    // Half a millisecond forgives the rounding of budgets that do not divide their window.
    const allowed = next - now <= rule.window + 0.5;
    if (allowed) await this.#keep(next);
    const used = (allowed ? next : arrival) - now;
    return {
      allowed,
      remaining: Math.max(0, Math.floor((rule.window + 0.5 - used) / cost)),
      resetAfter: used,
      retryAfter: allowed ? 0 : next - now - rule.window,
    };
  }

  /** Gives one attempt back, after it turned out to be a rightful one. */
  async giveBack(rule: LimitRule): Promise<void> {
    const arrival = this.#arrival();
    // Whole already: the object may even have forgotten the key meanwhile.
    if (arrival > systemClock.now()) await this.#keep(arrival - rule.window / rule.budget);
  }

  /** Forgets the key once its budget is whole, so that storage cleans itself up. */
  override async alarm(): Promise<void> {
    const arrival = this.#arrival();
    if (arrival > systemClock.now()) await this.ctx.storage.setAlarm(arrival);
    else await this.ctx.storage.deleteAll();
  }

  #arrival(): number {
    return this.ctx.storage.kv.get<number>(ARRIVAL) ?? 0;
  }

  async #keep(arrival: number): Promise<void> {
    this.ctx.storage.kv.put(ARRIVAL, arrival);
    // An alarm costs a row written: one that fires early arms itself again.
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(arrival);
  }
}
