/**
 * The LoginGuard object: one per login name, whether or not an account has that name. It counts wrong guesses in a row
 * and slows them down. A network from which the user has logged in before is known and counted separately, so failures
 * from other networks can't lock the owner out.
 *
 * An attempt counts as wrong from the start and is refunded if the password was not checked. So of any number of
 * simultaneous guesses, the service checks only as many as the rule allows.
 */
import { DurableObject } from "cloudflare:workers";
import {
  GUARD_MEMORY,
  type LimitRule,
  LONGEST_PAUSE,
  MOST_KNOWN_NETWORKS,
  MOST_WRONG_GUESSES,
} from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { doublingPause } from "../platform/retry.ts";
import type { LimitReading } from "./gcra.ts";

export interface GuardReading extends LimitReading {
  /** Whether the user has logged in from this network before, so that it is counted separately. */
  isKnownNetwork: boolean;
  /** The password must not be accepted from this network: there were too many wrong guesses. */
  isBlocked: boolean;
  /** If this guess is wrong, the password must stop working for unknown networks. */
  isLast: boolean;
}

interface Guesses {
  /** Wrong guesses in a row, including those whose password is still being checked. */
  count: number;
  /** Wrong guesses under the account's other name. Counts towards the block, never shown in headers. */
  byOtherName: number;
  /** The earliest time of the next guess, in milliseconds since the epoch. */
  nextAt: number;
}

interface Kept {
  /** Shared by all unknown networks. */
  unknown: Guesses;
  /** By network. */
  known: Record<string, Guesses & { lastLoginAt: number }>;
  touchedAt: number;
}

const KEPT = "wrong_guesses";

const none = (): Guesses => ({ count: 0, byOtherName: 0, nextAt: 0 });

const total = ({ count, byOtherName }: Guesses) => count + byOtherName;

export class LoginGuard extends DurableObject {
  /** Counts one guess from this network, or returns how long to wait. */
  async take(network: string, rule: LimitRule): Promise<GuardReading> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = knownIn(kept, network, now);
    const guesses = own ?? kept.unknown;
    const wait = guesses.count < rule.budget ? 0 : Math.max(0, guesses.nextAt - now);
    if (wait === 0) {
      guesses.count += 1;
      const excess = guesses.count - rule.budget + 1;
      guesses.nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
      await this.#keep(kept, now);
    }
    return {
      allowed: wait === 0,
      remaining: Math.max(0, rule.budget - guesses.count),
      resetAfter: Math.max(0, guesses.nextAt - now),
      retryAfter: wait,
      isKnownNetwork: own !== undefined,
      isBlocked: total(guesses) > MOST_WRONG_GUESSES,
      isLast: own === undefined && total(guesses) >= MOST_WRONG_GUESSES,
    };
  }

  /**
   * Refunds a guess whose password was not checked. `isKnownNetwork` is the value that {@link LoginGuard.take} returned
   * for it.
   */
  async refund(network: string, isKnownNetwork: boolean): Promise<void> {
    const kept = this.#kept;
    const guesses = isKnownNetwork ? kept.known[network] : kept.unknown;
    if (guesses === undefined || guesses.count === 0) return;
    guesses.count -= 1;
    // The guess was allowed, so there was no pause left to wait for.
    guesses.nextAt = 0;
    if (isBlank(kept)) await this.#forget();
    else await this.#keep(kept, systemClock.now());
  }

  /** Counts a wrong guess from this network that was made under the account's other name. */
  async countByOtherName(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    (knownIn(kept, network, now) ?? kept.unknown).byOtherName += 1;
    await this.#keep(kept, now);
  }

  /**
   * The user logged in from this network. Clears this network's failures. If it was unknown until now, also clears the
   * counter of all unknown networks. A login from a known network leaves that counter: it proves nothing about the
   * failures of others.
   */
  async recordLogin(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    const { unknown, known } = kept;
    const wasKnown = knownIn(kept, network, now) !== undefined;
    known[network] = { ...none(), lastLoginAt: now };
    const newest = Object.entries(known)
      .filter(([, { lastLoginAt }]) => now - lastLoginAt < GUARD_MEMORY)
      .sort(([, left], [, right]) => right.lastLoginAt - left.lastLoginAt)
      .slice(0, MOST_KNOWN_NETWORKS);
    await this.#keep({ unknown: wasKnown ? unknown : none(), known: Object.fromEntries(newest), touchedAt: now }, now);
  }

  /** Takes {@link LoginGuard.recordLogin} back, because the login was not valid after all. */
  async undoLogin(network: string): Promise<void> {
    const kept = this.#kept;
    delete kept.known[network];
    await this.#keep(kept, systemClock.now());
  }

  /** Clears all guesses and all known networks except `network`. Without `network`, clears everything. */
  async reset(network: string | undefined): Promise<void> {
    if (network === undefined) return this.#forget();
    const now = systemClock.now();
    await this.#keep({ ...blank(), known: { [network]: { ...none(), lastLoginAt: now } } }, now);
  }

  /** Deletes the state after a long time without use, so that storage cleans itself up. */
  override async alarm(): Promise<void> {
    const forgetAt = this.#kept.touchedAt + GUARD_MEMORY;
    if (forgetAt > systemClock.now()) await this.ctx.storage.setAlarm(forgetAt);
    else await this.ctx.storage.deleteAll();
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  get #kept(): Kept {
    return this.ctx.storage.kv.get<Kept>(KEPT) ?? blank();
  }

  async #keep(kept: Kept, now: number): Promise<void> {
    this.ctx.storage.kv.put(KEPT, { ...kept, touchedAt: now });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + GUARD_MEMORY);
  }
}

/** The guesses of a known network. After too many failures, a network is no longer known. */
function knownIn(kept: Kept, network: string, now: number): Kept["known"][string] | undefined {
  const found = Object.hasOwn(kept.known, network) ? kept.known[network] : undefined;
  if (found === undefined || now - found.lastLoginAt >= GUARD_MEMORY) return undefined;
  return total(found) < MOST_WRONG_GUESSES ? found : undefined;
}

function isBlank({ unknown, known }: Kept): boolean {
  return total(unknown) === 0 && Object.keys(known).length === 0;
}

function blank(): Kept {
  return { unknown: none(), known: {}, touchedAt: 0 };
}
