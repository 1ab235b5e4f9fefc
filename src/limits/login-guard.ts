/**
 * The LoginGuard object: one per name that somebody logs in by, whether or not anybody bears it. It counts the
 * wrong guesses in a row and slows them down. A network from which somebody has logged in is counted by
 * itself: whatever strangers do elsewhere, its own attempts are as free as before, so nobody is locked out.
 *
 * An attempt counts as wrong from the start and is given back when it was not, so that of any number of
 * guesses at once no more than the rule allows are judged.
 */
import { DurableObject } from "cloudflare:workers";
import { DAY, HOUR, systemClock } from "../platform/clock.ts";
import { doublingPause } from "../platform/persist.ts";
import type { LimitReading } from "./gcra.ts";
import { type LimitRule, MOST_WRONG_GUESSES } from "./rules.ts";

export interface GuardReading extends LimitReading {
  /** Whether somebody has logged in from this network. */
  isFamiliar: boolean;
  /** The password is not to be believed here: there were too many wrong guesses. */
  isBlocked: boolean;
  /** After this guess, if it is wrong, the password is to stop working for strangers' networks. */
  isLast: boolean;
}

interface Guesses {
  /** Wrong ones in a row, those included that are being judged. */
  count: number;
  /** Milliseconds since the epoch: no further one before. */
  nextAt: number;
}

interface Kept {
  elsewhere: Guesses;
  /** Wrong guesses at the same account by its other name: they count for the block, and in nothing that is told. */
  byOtherName: number;
  /** By network. */
  familiar: Record<string, Guesses & { lastLoginAt: number }>;
  touchedAt: number;
}

const KEPT = "guesses";
const LONGEST_PAUSE = HOUR;
/** So many networks of an account are remembered, */
const MOST_NETWORKS = 20;
/** and each for so long after its last login. What nobody touched for so long is forgotten altogether. */
const MEMORY = 90 * DAY;

const none = (): Guesses => ({ count: 0, nextAt: 0 });

export class LoginGuard extends DurableObject {
  /** Counts one guess from this network, or says how long to wait. */
  async take(network: string, rule: LimitRule): Promise<GuardReading> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = this.#familiar(kept, network, now);
    const guesses = own ?? kept.elsewhere;
    const wait = guesses.count < rule.budget ? 0 : Math.max(0, guesses.nextAt - now);
    if (wait === 0) {
      guesses.count += 1;
      const excess = guesses.count - rule.budget + 1;
      guesses.nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
    }
    const total = guesses.count + (own === undefined ? kept.byOtherName : 0);
    const isSpent = total >= MOST_WRONG_GUESSES;
    // From here on it is a network like any other.
    if (isSpent) delete kept.familiar[network];
    if (wait === 0) await this.#keep(kept, now);
    return {
      allowed: wait === 0,
      remaining: Math.max(0, rule.budget - guesses.count),
      resetAfter: Math.max(0, guesses.nextAt - now),
      retryAfter: wait,
      isFamiliar: own !== undefined,
      isBlocked: total > MOST_WRONG_GUESSES,
      isLast: isSpent && own === undefined,
    };
  }

  /** Gives back a guess that was not judged. */
  async giveBack(network: string): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    const guesses = this.#familiar(kept, network, now) ?? kept.elsewhere;
    if (guesses.count === 0) return;
    guesses.count -= 1;
    // It was allowed, so the pause before it was over.
    guesses.nextAt = 0;
    await this.#keep(kept, now);
  }

  /** Counts a wrong guess that was made by the account's other name. */
  async share(): Promise<void> {
    const kept = this.#kept;
    kept.byOtherName += 1;
    await this.#keep(kept, systemClock.now());
  }

  /** Somebody has logged in from this network. With `isAfresh`, no other one is familiar any more. */
  async welcome(network: string, isAfresh: boolean): Promise<void> {
    const now = systemClock.now();
    const familiar = isAfresh ? {} : this.#kept.familiar;
    familiar[network] = { ...none(), lastLoginAt: now };
    const newest = Object.entries(familiar)
      .filter(([, { lastLoginAt }]) => now - lastLoginAt < MEMORY)
      .sort(([, left], [, right]) => right.lastLoginAt - left.lastLoginAt)
      .slice(0, MOST_NETWORKS);
    await this.#keep({ ...blank(), familiar: Object.fromEntries(newest) }, now);
  }

  /** Nobody bears the name any more. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Forgets what was not touched for long, so that storage cleans itself up. */
  override async alarm(): Promise<void> {
    const forgetAt = this.#kept.touchedAt + MEMORY;
    if (forgetAt > systemClock.now()) await this.ctx.storage.setAlarm(forgetAt);
    else await this.ctx.storage.deleteAll();
  }

  #familiar(kept: Kept, network: string, now: number): Kept["familiar"][string] | undefined {
    const found = Object.hasOwn(kept.familiar, network) ? kept.familiar[network] : undefined;
    return found !== undefined && now - found.lastLoginAt < MEMORY ? found : undefined;
  }

  get #kept(): Kept {
    return this.ctx.storage.kv.get<Kept>(KEPT) ?? blank();
  }

  async #keep(kept: Kept, now: number): Promise<void> {
    this.ctx.storage.kv.put(KEPT, { ...kept, touchedAt: now });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + MEMORY);
  }
}

function blank(): Kept {
  return { elsewhere: none(), byOtherName: 0, familiar: {}, touchedAt: 0 };
}
