/**
 * The LoginGuard object: one per login name, whether or not an account has that name. It counts wrong guesses at the
 * password in a row, and slows them down with a growing pause (`pause-after-wrong-guesses.ts`). A network from which
 * the user has logged in before is "known" and has its own counter, so failures from other networks can't lock the
 * owner out. The object also has a budget of attempts for each network at this account.
 *
 * The object counts each guess as wrong at first, and refunds the guess if the password was right or was not checked.
 * So the service never checks more guesses than the rules allow, even if they arrive at the same time or the object is
 * evicted. All counters are in one row. An attempt writes the row, and a login that succeeds writes it once more.
 */
import { DurableObject } from "cloudflare:workers";
import { GUARD_MEMORY, type LimitRule, MOST_KNOWN_NETWORKS } from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import { type BudgetState, type LimitReading, type StoredBudget, strictest, takeAttempts } from "./gcra.ts";
import {
  blank,
  type GuardVerdict,
  type Guesses,
  isBlank,
  isSharedWith,
  type Kept,
  knownIn,
  memoryOf,
  none,
  refundPlaces,
  verdictOn,
} from "./login-guard-state.ts";
import { countGuess, endPause, forgetPause, pauseLeft, refundGuess } from "./pause-after-wrong-guesses.ts";

export interface HiddenVerdict extends GuardVerdict {
  /** Whether this is the only guess at the current password in its counter. All unknown networks share one counter. */
  isFirst: boolean;
}

export interface GuardReading extends LimitReading, GuardVerdict {
  /** The budgets of the network at this account. */
  places: LimitReading[];
  /** Whether the object has learned that a user has the name. */
  isOfUser: boolean;
}

const KEPT = "guesses";

export class LoginGuard extends DurableObject {
  /**
   * Counts one guess from this network, or returns how long to wait. `places` are the budgets of this network at this
   * account. If one of them is used up, the guess is refused and not counted.
   */
  async take(network: string, rule: LimitRule, places: StoredBudget[] = []): Promise<GuardReading> {
    const now = systemClock.now();
    const kept = this.#kept;
    const own = knownIn(kept, network, now);
    const guesses = own ?? kept.unknown;
    forgetPause(guesses, now);
    const wait = pauseLeft(guesses, rule, now);
    if (wait === 0) countGuess(guesses, rule, now);
    const taken = takeAttempts(places, ({ entry }) => kept.places[entry] ?? 0, now);
    for (const { entry, arrival } of taken.arrivals) kept.places[entry] = arrival;
    if (wait === 0 && taken.isAllowed) await this.#keep(kept, now);
    return {
      allowed: wait === 0,
      remaining: Math.max(0, rule.budget - guesses.count),
      resetAfter: Math.max(0, guesses.nextAt - now),
      retryAfter: wait,
      places: taken.readings,
      isOfUser: kept.isOfUser,
      ...verdictOn(guesses, own !== undefined),
    };
  }

  /**
   * Refunds a guess. `isKnownNetwork` is the value that {@link LoginGuard.take} returned for the guess. `places` are
   * budgets to refund as well; pass them if the password was not checked.
   */
  async refund(network: string, isKnownNetwork: boolean, places: StoredBudget[] = []): Promise<void> {
    await this.#refund(network, isKnownNetwork, places, refundGuess);
  }

  /**
   * Counts a guess that is never shown in headers: a guess at the current password of a logged-in user, or under the
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
    await this.#refund(network, isKnownNetwork, [], (guesses) => {
      if (guesses.hidden === 0) return false;
      guesses.hidden -= 1;
      guesses.current = Math.max(0, guesses.current - 1);
      return true;
    });
  }

  /** Stores that a user has this name. From now on, the object remembers guesses for longer than a day. */
  async rememberUser(): Promise<void> {
    await this.#keep({ ...this.#kept, isOfUser: true }, systemClock.now());
  }

  /**
   * Records that the user has logged in from this network. Clears this network's failures. If the network was unknown
   * until now, also clears the counter that all unknown networks share. A login from a known network does not clear
   * that counter, because such a login proves nothing about the failures of others.
   *
   * `account` is a keyed hash (MAC) of both names of the account. `places` are the budgets that get the login's attempt
   * back. `taken` is the number of guesses that the login took here: 0 if it began with a passkey or an emailed link.
   * Returns whether the guard of the other name must learn of the login. This is the case if the network is new here or
   * has sent wrong guesses, if a name has changed, or if that guard last learned of the network a long time ago.
   */
  async recordLogin(network: string, account = "", places: StoredBudget[] = [], taken = 1): Promise<boolean> {
    const now = systemClock.now();
    const kept = this.#kept;
    const { unknown, known } = kept;
    const before = knownIn(kept, network, now);
    const isShared = before !== undefined && isSharedWith(account, before, kept, { now, taken });
    known[network] = {
      ...none(),
      ...{ lastLoginAt: now, sharedWith: account, sharedAt: isShared ? (before.sharedAt ?? now) : now },
    };
    const newest = Object.entries(known)
      .filter(([, { lastLoginAt }]) => now - lastLoginAt < GUARD_MEMORY)
      .sort(([, left], [, right]) => right.lastLoginAt - left.lastLoginAt)
      .slice(0, MOST_KNOWN_NETWORKS);
    // The login fills the network's own budget. The budget of a /48 gets only this attempt back.
    delete kept.places[network];
    refundPlaces(kept, places);
    const remembered = { isOfUser: true, known: Object.fromEntries(newest), places: kept.places, touchedAt: now };
    await this.#keep({ ...remembered, unknown: before === undefined ? none() : unknown }, now);
    return !isShared;
  }

  /** Undoes {@link LoginGuard.recordLogin}, because the login was not valid after all: the network becomes unknown. */
  async undoLogin(network: string): Promise<void> {
    const kept = this.#kept;
    delete kept.known[network];
    await this.#keep(kept, systemClock.now());
  }

  /**
   * Clears all guesses and the budget of `network`, and makes `network` the only known network. Without `network`,
   * clears everything.
   */
  async reset(network: string | undefined): Promise<void> {
    if (network === undefined) return this.#forget();
    const now = systemClock.now();
    const { places } = this.#kept;
    delete places[network];
    await this.#keep(
      { ...blank(), isOfUser: true, known: { [network]: { ...none(), lastLoginAt: now } }, places },
      now,
    );
  }

  /** How many more guesses cause no pause, and how long a pause still lasts: the values of the strictest network. */
  look(rule: LimitRule): BudgetState {
    const now = systemClock.now();
    const { unknown, known } = this.#kept;
    return strictest(
      [unknown, ...Object.values(known)].map((guesses) => {
        forgetPause(guesses, now);
        const remaining = Math.max(0, rule.budget - guesses.count);
        return { remaining, resetAfter: pauseLeft(guesses, rule, now) };
      }),
    );
  }

  /**
   * Ends all pauses, and fills the budgets of all networks at this account. The guesses still count towards the block
   * of the password, so that an operator can't allow more guesses than NIST SP 800-63B-4 allows.
   */
  async endPauses(): Promise<void> {
    const now = systemClock.now();
    const kept = this.#kept;
    if (isBlank(kept, now)) return;
    for (const guesses of [kept.unknown, ...Object.values(kept.known)]) endPause(guesses);
    await this.#keep({ ...kept, places: {} }, now);
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
    // The first versions stored another shape, which is dropped. Later versions stored fewer fields than today, so a
    // missing field gets its default.
    return kept !== undefined && "known" in kept ? { ...blank(), ...kept } : blank();
  }

  async #keep(kept: Kept, now: number): Promise<void> {
    const places = Object.fromEntries(Object.entries(kept.places).filter(([, arrival]) => arrival > now));
    this.ctx.storage.kv.put(KEPT, { ...kept, places, touchedAt: now });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + memoryOf(kept));
  }

  async #refund(
    network: string,
    isKnownNetwork: boolean,
    places: readonly StoredBudget[],
    refundIn: (guesses: Guesses) => boolean,
  ): Promise<void> {
    const kept = this.#kept;
    const guesses = isKnownNetwork ? kept.known[network] : kept.unknown;
    const isRefunded = guesses !== undefined && refundIn(guesses);
    if (!isRefunded && places.length === 0) return;
    refundPlaces(kept, places);
    const now = systemClock.now();
    if (isBlank(kept, now)) await this.#forget();
    else await this.#keep(kept, now);
  }
}
