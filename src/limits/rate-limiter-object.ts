/**
 * The RateLimiter object: one per limited key. It stores one number for each budget of that key. An IPv6 /48 and the
 * networks in it share one object, so one call takes from both budgets. The object handles one call at a time, so it
 * counts exactly.
 *
 * Limits cost money mostly by the rows that they write. So an attempt that is usually refunded is only leased: it
 * counts in memory until its outcome is known. A login that succeeds ends its lease, and the object writes nothing. For
 * a wrong password, the object writes the attempt. If the Worker never reports the outcome, the lease expires.
 *
 * The platform evicts an object at a deployment, or after ten seconds without a call. The object then loses its leases,
 * at most one budget of attempts. If the password of such an attempt turns out to be wrong, the attempt is still
 * written.
 */
import { DurableObject } from "cloudflare:workers";
import { LEASE } from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import {
  type BudgetState,
  countAttempts,
  type LimitReading,
  lookAtBudget,
  refundAttempt,
  type StoredBudget,
  takeAttempts,
} from "./gcra.ts";

/** The readings of the budgets, and when the lease expires, in milliseconds since the epoch. */
export interface LeaseReading {
  readings: LimitReading[];
  endsAt: number;
}

interface Lease {
  entries: string[];
  endsAt: number;
}

export class RateLimiter extends DurableObject {
  #leases: Lease[] = [];

  /** Takes one attempt from each budget, or from none if one of them refuses. */
  async take(budgets: StoredBudget[]): Promise<LimitReading[]> {
    const { arrivals, readings } = takeAttempts(budgets, ({ entry }) => this.#kept(entry), systemClock.now());
    await this.#keep(arrivals);
    return readings;
  }

  /** Refunds one attempt that was taken from each budget. */
  async refund(budgets: StoredBudget[]): Promise<void> {
    const now = systemClock.now();
    await this.#keep(
      budgets
        .map(({ entry, rule }) => ({ entry, rule, arrival: this.#kept(entry) }))
        // A full budget needs no refund, and the object may already have deleted its state.
        .filter(({ arrival }) => arrival > now)
        .map(({ entry, rule, arrival }) => ({ entry, arrival: refundAttempt(arrival, rule) })),
    );
  }

  /** Leases one attempt from each budget, or from none if one of them refuses. */
  async lease(budgets: StoredBudget[]): Promise<LeaseReading> {
    const now = systemClock.now();
    this.#leases = this.#leases.filter(({ endsAt }) => endsAt > now);
    const { isAllowed, readings } = takeAttempts(budgets, (budget) => this.#keptAndLeased(budget, now), now);
    const endsAt = now + LEASE;
    if (isAllowed) this.#leases.push({ entries: budgets.map(({ entry }) => entry), endsAt });
    return { readings, endsAt };
  }

  /** Ends a lease: the attempt does not count. */
  async release(budgets: StoredBudget[], endsAt: number): Promise<void> {
    this.#endLease(budgets, endsAt);
  }

  /** Ends a lease: the attempt counts from the time when it was made, even if the lease was lost. */
  async count(budgets: StoredBudget[], endsAt: number): Promise<void> {
    this.#endLease(budgets, endsAt);
    await this.#keep(
      budgets.map(({ entry, rule }) => ({ entry, arrival: countAttempts(this.#kept(entry), rule, endsAt - LEASE) })),
    );
  }

  /** What is left of each budget now, leases included. */
  look(budgets: StoredBudget[]): BudgetState[] {
    const now = systemClock.now();
    this.#leases = this.#leases.filter(({ endsAt }) => endsAt > now);
    return budgets.map((budget) => lookAtBudget(this.#keptAndLeased(budget, now), budget.rule, now));
  }

  /**
   * Fills budgets again, and ends their leases. A leased attempt still counts if its password turns out to be wrong.
   */
  clear(budgets: StoredBudget[]): void {
    const entries = budgets.map(({ entry }) => entry);
    this.#leases = this.#leases.filter((lease) => !lease.entries.some((entry) => entries.includes(entry)));
    for (const entry of entries) this.ctx.storage.kv.delete(entry);
  }

  /** Deletes the numbers of budgets that are full again, so that storage cleans itself up. */
  override async alarm(): Promise<void> {
    const now = systemClock.now();
    const all = [...this.ctx.storage.kv.list<number>()];
    const last = latest(all.map(([, arrival]) => arrival));
    if (last <= now) return this.ctx.storage.deleteAll();
    for (const [entry, arrival] of all) if (arrival <= now) this.ctx.storage.kv.delete(entry);
    await this.ctx.storage.setAlarm(last);
  }

  /** Ends one lease. Leases of the same budgets that end at the same time are interchangeable, so they need no id. */
  #endLease(budgets: StoredBudget[], endsAt: number): void {
    const index = this.#leases.findIndex(
      (lease) => lease.endsAt === endsAt && budgets.every(({ entry }) => lease.entries.includes(entry)),
    );
    if (index >= 0) this.#leases.splice(index, 1);
  }

  #keptAndLeased({ entry, rule }: StoredBudget, now: number): number {
    const leased = this.#leases.filter(({ entries }) => entries.includes(entry)).length;
    return countAttempts(this.#kept(entry), rule, now, leased);
  }

  #kept(entry: string): number {
    return this.ctx.storage.kv.get<number>(entry) ?? 0;
  }

  async #keep(arrivals: readonly { entry: string; arrival: number }[]): Promise<void> {
    if (arrivals.length === 0) return;
    for (const { entry, arrival } of arrivals) this.ctx.storage.kv.put(entry, arrival);
    // Setting an alarm costs a row written, so an alarm that is set already stays. If it fires too early, `alarm` sets
    // it again.
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(latest(arrivals.map(({ arrival }) => arrival)));
  }
}

function latest(times: readonly number[]): number {
  return times.reduce((left, right) => Math.max(left, right), 0);
}
