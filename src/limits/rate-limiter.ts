/** The RateLimiter object: one per limited key, holding one number. Exact, since one object takes one turn at a time. */
import { DurableObject } from "cloudflare:workers";
import type { LimitRule } from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { giveAttemptBack, judgeAttempt, type LimitReading } from "./gcra.ts";

const ARRIVAL = "theoretical_arrival";

export class RateLimiter extends DurableObject {
  /** Takes one attempt from the budget, or says how long to wait. */
  async take(rule: LimitRule): Promise<LimitReading> {
    const { reading, arrival } = judgeAttempt(this.#arrival(), rule, systemClock.now());
    if (reading.allowed) await this.#keep(arrival);
    return reading;
  }

  /** Gives one attempt back, after it turned out to be a rightful one. */
  async giveBack(rule: LimitRule): Promise<void> {
    const arrival = this.#arrival();
    // Whole already: the object may even have forgotten the key meanwhile.
    if (arrival > systemClock.now()) await this.#keep(giveAttemptBack(arrival, rule));
  }

  /** Makes the budget whole. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
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
