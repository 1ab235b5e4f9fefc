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
  PAUSE_MEMORY,
} from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { doublingPause } from "../platform/retry.ts";
import type { LimitReading } from "./gcra.ts";

/** What the guesses so far mean for one more guess. */
export interface GuardVerdict {
  /** Whether the user has logged in from this network before, so that it is counted separately. */
  isKnownNetwork: boolean;
  /** The password must not be accepted from this network: there were too many wrong guesses. */
  isBlocked: boolean;
  /** If this guess is wrong, the password must stop working for unknown networks. */
  isLast: boolean;
}

export interface HiddenVerdict extends GuardVerdict {
  /** Whether no other wrong guess at the current password counts. */
  isFirst: boolean;
}

export interface GuardReading extends LimitReading, GuardVerdict {
  /** Whether this object knows that a user has the name. */
  isOfUser: boolean;
}

interface Guesses {
  /** Wrong guesses in a row, including those whose password is still being checked. */
  count: number;
  /**
   * Wrong guesses that count towards the block and are never shown in headers: under the account's other name, at the
   * current password of a user who is logged in, and those before a day without any.
   */
  hidden: number;
  /** How many of the hidden ones were made at the current password of a user who is logged in. */
  current: number;
  /** The earliest time of the next guess, in milliseconds since the epoch. */
  nextAt: number;
  /** The time of the last guess that was counted in `count`. */
  lastAt: number;
}

interface Kept {
  /** Shared by all unknown networks. */
  unknown: Guesses;
  /** By network. */
  known: Record<string, Guesses & { lastLoginAt: number }>;
  /** Whether a user has the name. Otherwise the object forgets everything after a day. */
  isOfUser: boolean;
  touchedAt: number;
}

const KEPT = "guesses";

const none = (): Guesses => ({ count: 0, hidden: 0, current: 0, nextAt: 0, lastAt: 0 });

const total = ({ count, hidden }: Guesses) => count + hidden;

export class LoginGuard extends DurableObject {
  /** Counts one guess from this network, or returns how long to wait. */
  async take(network: string, rule: LimitRule): Promise<GuardReading> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = knownIn(kept, network, now);
    const guesses = own ?? kept.unknown;
    forgetPause(guesses, now);
    const wait = guesses.count < rule.budget ? 0 : Math.max(0, guesses.nextAt - now);
    if (wait === 0) {
      guesses.count += 1;
      guesses.lastAt = now;
      const excess = guesses.count - rule.budget + 1;
      guesses.nextAt = excess > 0 ? now + doublingPause(excess, rule.window, LONGEST_PAUSE) : 0;
      await this.#keep(kept, now);
    }
    return {
      allowed: wait === 0,
      remaining: Math.max(0, rule.budget - guesses.count),
      resetAfter: Math.max(0, guesses.nextAt - now),
      retryAfter: wait,
      isOfUser: kept.isOfUser,
      ...verdictOn(guesses, own !== undefined),
    };
  }

  /**
   * Refunds a guess whose password was not checked. `isKnownNetwork` is the value that {@link LoginGuard.take} returned
   * for it.
   */
  async refund(network: string, isKnownNetwork: boolean): Promise<void> {
    await this.#refund(network, isKnownNetwork, (guesses) => {
      if (guesses.count === 0) return false;
      guesses.count -= 1;
      // The guess was allowed, so there was no pause left to wait for.
      guesses.nextAt = 0;
      return true;
    });
  }

  /**
   * Counts a guess from this network that the headers never show: it was made at the current password or under the
   * account's other name.
   */
  async countHidden(network: string, isAtCurrentPassword: boolean): Promise<HiddenVerdict> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = knownIn(kept, network, now);
    const guesses = own ?? kept.unknown;
    guesses.hidden += 1;
    if (isAtCurrentPassword) guesses.current += 1;
    await this.#keep({ ...kept, isOfUser: true }, now);
    return { ...verdictOn(guesses, own !== undefined), isFirst: guesses.current <= 1 };
  }

  /** Refunds a guess at the current password that {@link LoginGuard.countHidden} counted. */
  async refundHidden(network: string, isKnownNetwork: boolean): Promise<void> {
    await this.#refund(network, isKnownNetwork, (guesses) => {
      if (guesses.hidden === 0) return false;
      guesses.hidden -= 1;
      guesses.current = Math.max(0, guesses.current - 1);
      return true;
    });
  }

  /** A user has this name: from now on, waiting for a day does not clear the guesses. */
  async rememberUser(): Promise<void> {
    await this.#keep({ ...this.#kept, isOfUser: true }, systemClock.now());
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
    const remembered = { isOfUser: true, known: Object.fromEntries(newest), touchedAt: now };
    await this.#keep({ ...remembered, unknown: wasKnown ? unknown : none() }, now);
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
    await this.#keep({ ...blank(), isOfUser: true, known: { [network]: { ...none(), lastLoginAt: now } } }, now);
  }

  /** Deletes the state after a long time without use, so that storage cleans itself up. */
  override async alarm(): Promise<void> {
    const kept = this.#kept;
    const forgetAt = kept.touchedAt + memoryOf(kept);
    if (forgetAt > systemClock.now()) await this.ctx.storage.setAlarm(forgetAt);
    else await this.ctx.storage.deleteAll();
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  get #kept(): Kept {
    const kept = this.ctx.storage.kv.get<Kept>(KEPT);
    // Records of earlier versions have another shape: they are dropped.
    return kept !== undefined && "known" in kept ? kept : blank();
  }

  async #keep(kept: Kept, now: number): Promise<void> {
    this.ctx.storage.kv.put(KEPT, { ...kept, touchedAt: now });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + memoryOf(kept));
  }

  async #refund(network: string, isKnownNetwork: boolean, refundIn: (guesses: Guesses) => boolean): Promise<void> {
    const kept = this.#kept;
    const guesses = isKnownNetwork ? kept.known[network] : kept.unknown;
    if (guesses === undefined || !refundIn(guesses)) return;
    if (isBlank(kept)) await this.#forget();
    else await this.#keep(kept, systemClock.now());
  }
}

function verdictOn(guesses: Guesses, isKnownNetwork: boolean): GuardVerdict {
  return {
    isKnownNetwork,
    isBlocked: total(guesses) > MOST_WRONG_GUESSES,
    isLast: !isKnownNetwork && total(guesses) >= MOST_WRONG_GUESSES,
  };
}

/**
 * A day without a guess ends the pauses of every name. Otherwise those of a user's name, which is remembered for longer,
 * would reveal that there is such a user.
 */
function forgetPause(guesses: Guesses, now: number): void {
  if (now - guesses.lastAt < PAUSE_MEMORY) return;
  guesses.hidden += guesses.count;
  guesses.count = 0;
  guesses.nextAt = 0;
}

/** How long the object remembers after its last use. Anybody can make it by typing a name that no user has. */
function memoryOf({ isOfUser }: Kept): number {
  return isOfUser ? GUARD_MEMORY : PAUSE_MEMORY;
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
  return { unknown: none(), known: {}, isOfUser: false, touchedAt: 0 };
}
