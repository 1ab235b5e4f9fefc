/**
 * The LoginGuard object: one per name that somebody logs in by, whether or not anybody bears it. It counts the
 * wrong guesses in a row and slows them down. A network from which somebody has logged in is counted by
 * itself: whatever strangers do elsewhere, its own attempts are as free as before, so nobody is locked out.
 *
 * An attempt counts as wrong from the start and is given back when it was not judged, so that of any number of
 * guesses at once no more than the rule allows are judged.
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
  /** Whether somebody has logged in from this network, so that it is counted by itself. */
  isFamiliar: boolean;
  /** The password is not to be believed here: there were too many wrong guesses. */
  isBlocked: boolean;
  /** After this guess, if it is wrong, the password is to stop working for strangers' networks. */
  isLast: boolean;
}

interface Guesses {
  /** Wrong ones in a row, those included that are being judged. */
  count: number;
  /** Wrong ones at the same account by its other name: they count for the block, and in nothing that is told. */
  byOtherName: number;
  /** Milliseconds since the epoch: no further one before. */
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
  /** Counts one guess from this network, or says how long to wait. */
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

  /** Gives back a guess that was not judged; `isFamiliar` is what {@link LoginGuard.take} said of it. */
  async giveBack(network: string, isFamiliar: boolean): Promise<void> {
    const kept = this.#kept;
    const guesses = isFamiliar ? kept.familiar[network] : kept.elsewhere;
    if (guesses === undefined || guesses.count === 0) return;
    guesses.count -= 1;
    // It was allowed, so the pause before it was over.
    guesses.nextAt = 0;
    if (isBlank(kept)) await this.#forget();
    else await this.#keep(kept, systemClock.now());
  }

  /** Counts a wrong guess from this network that was made by the account's other name. */
  async share(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    (familiarIn(kept, network, now) ?? kept.elsewhere).byOtherName += 1;
    await this.#keep(kept, now);
  }

  /**
   * Somebody has logged in from this network: what it got wrong before is forgiven. Strangers' guesses are, where it
   * was one of them until now; a login where its owner always logs in says nothing of them.
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

  /** Takes a welcome back: who logged in there was not who they said. */
  async estrange(network: string): Promise<void> {
    const kept = this.#kept;
    delete kept.familiar[network];
    await this.#keep(kept, systemClock.now());
  }

  /** Forgets every guess, and every familiar network but this one; without one, everything. */
  async reset(network: string | undefined): Promise<void> {
    if (network === undefined) return this.#forget();
    const now = systemClock.now();
    await this.#keep({ ...blank(), familiar: { [network]: { ...none(), lastLoginAt: now } } }, now);
  }

  /** Forgets what was not touched for long, so that storage cleans itself up. */
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

/** A familiar network's own guesses. One that got it wrong too often is a network like any other. */
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
