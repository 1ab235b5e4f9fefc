/**
 * The LoginGuard object: one per login name, whether or not an account has that name. It counts wrong guesses in a row
 * and slows them down. A network from which the user has logged in before is trusted and counted separately, so
 * failures from other networks can't lock the owner out.
 *
 * An attempt counts as wrong from the start and is refunded if it was not judged. So of any number of simultaneous
 * guesses, only as many are judged as the rule allows.
 */
import { DurableObject } from "cloudflare:workers";
import {
  GUARD_MEMORY,
  type LimitRule,
  LONGEST_PAUSE,
  MOST_FAMILIAR_NETWORKS,
  MOST_WRONG_GUESSES,
} from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { doublingPause } from "../platform/retry.ts";
import type { LimitReading } from "./gcra.ts";

export interface GuardReading extends LimitReading {
  /** Whether the user has logged in from this network before, so that it is counted separately. */
  isFamiliar: boolean;
  /** The password must not be accepted from this network: there were too many wrong guesses. */
  isBlocked: boolean;
  /** If this guess is wrong, the password must stop working for untrusted networks. */
  isLast: boolean;
}

interface Guesses {
  /** Wrong guesses in a row, including those that are still being judged. */
  count: number;
  /** Wrong guesses under the account's other name. Counts towards the block, never shown in headers. */
  byOtherName: number;
  /** The earliest time of the next guess, in milliseconds since the epoch. */
  nextAt: number;
}

interface Kept {
  elsewhere: Guesses;
  /** By network. */
  familiar: Record<string, Guesses & { lastLoginAt: number }>;
  touchedAt: number;
}

const KEPT = "guesses";

const none = (): Guesses => ({ count: 0, byOtherName: 0, nextAt: 0 });

const total = ({ count, byOtherName }: Guesses) => count + byOtherName;

export class LoginGuard extends DurableObject {
  /** Counts one guess from this network, or returns how long to wait. */
  async take(network: string, rule: LimitRule): Promise<GuardReading> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = familiarIn(kept, network, now);
    const guesses = own ?? kept.elsewhere;
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
      isFamiliar: own !== undefined,
      isBlocked: total(guesses) > MOST_WRONG_GUESSES,
      isLast: own === undefined && total(guesses) >= MOST_WRONG_GUESSES,
    };
  }

  /** Refunds a guess that was not judged. `isFamiliar` is the value that {@link LoginGuard.take} returned for it. */
  async giveBack(network: string, isFamiliar: boolean): Promise<void> {
    const kept = this.#kept;
    const guesses = isFamiliar ? kept.familiar[network] : kept.elsewhere;
    if (guesses === undefined || guesses.count === 0) return;
    guesses.count -= 1;
    // The guess was allowed, so there was no pause left to wait for.
    guesses.nextAt = 0;
    if (isBlank(kept)) await this.#forget();
    else await this.#keep(kept, systemClock.now());
  }

  /** Counts a wrong guess from this network that was made under the account's other name. */
  async share(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    (familiarIn(kept, network, now) ?? kept.elsewhere).byOtherName += 1;
    await this.#keep(kept, now);
  }

  /**
   * The user logged in from this network. Clears this network's failures. If it was untrusted until now, clears the
   * shared counter too; a login from a network that was already trusted proves nothing about the failures from other
   * networks.
   */
  async welcome(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    const { elsewhere, familiar } = kept;
    const wasFamiliar = familiarIn(kept, network, now) !== undefined;
    familiar[network] = { ...none(), lastLoginAt: now };
    const newest = Object.entries(familiar)
      .filter(([, { lastLoginAt }]) => now - lastLoginAt < GUARD_MEMORY)
      .sort(([, left], [, right]) => right.lastLoginAt - left.lastLoginAt)
      .slice(0, MOST_FAMILIAR_NETWORKS);
    await this.#keep(
      { elsewhere: wasFamiliar ? elsewhere : none(), familiar: Object.fromEntries(newest), touchedAt: now },
      now,
    );
  }

  /** Takes a welcome back, because the login was not valid after all. */
  async estrange(network: string): Promise<void> {
    const kept = this.#kept;
    delete kept.familiar[network];
    await this.#keep(kept, systemClock.now());
  }

  /** Clears all guesses and all trusted networks except `network`. Without `network`, clears everything. */
  async reset(network: string | undefined): Promise<void> {
    if (network === undefined) return this.#forget();
    const now = systemClock.now();
    await this.#keep({ ...blank(), familiar: { [network]: { ...none(), lastLoginAt: now } } }, now);
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

/** The guesses of a trusted network. After too many failures, a network is no longer trusted. */
function familiarIn(kept: Kept, network: string, now: number): Kept["familiar"][string] | undefined {
  const found = Object.hasOwn(kept.familiar, network) ? kept.familiar[network] : undefined;
  if (found === undefined || now - found.lastLoginAt >= GUARD_MEMORY) return undefined;
  return total(found) < MOST_WRONG_GUESSES ? found : undefined;
}

function isBlank({ elsewhere, familiar }: Kept): boolean {
  return total(elsewhere) === 0 && Object.keys(familiar).length === 0;
}

function blank(): Kept {
  return { elsewhere: none(), familiar: {}, touchedAt: 0 };
}
