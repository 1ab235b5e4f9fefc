/**
 * The RateLimiter object: one per limited key, storing one number. Exact under concurrency, because an object handles
 * one call at a time.
 */
import { DurableObject } from "cloudflare:workers";
import type { LimitRule } from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { type LimitReading, refundAttempt, takeAttempt } from "./gcra.ts";

const ARRIVAL = "theoretical_arrival";

export class RateLimiter extends DurableObject {
  /** Takes one attempt from the budget, or returns how long to wait. */
  async take(rule: LimitRule): Promise<LimitReading> {
    const { reading, arrival } = takeAttempt(this.#arrival(), rule, systemClock.now());
    if (reading.allowed) await this.#keep(arrival);
    return reading;
  }

  /** Refunds one attempt. */
  async refund(rule: LimitRule): Promise<void> {
    const arrival = this.#arrival();
    // A full budget needs no refund, and the object may already have deleted its state.
    if (arrival > systemClock.now()) await this.#keep(refundAttempt(arrival, rule));
  }

  /** Resets the budget to full. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Deletes the state once the budget is full, so that storage cleans itself up. */
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
    // Setting an alarm costs a row written, so an armed alarm stays. If it fires too early, it arms itself again.
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(arrival);
  }
}
