/** What a LoginGuard stores of one login name, and what follows from it. */
import {
  GUARD_MEMORY,
  MOST_KNOWN_NETWORKS,
  MOST_WRONG_GUESSES,
  PAUSE_MEMORY,
  SHARED_LOGIN_MEMORY,
  SHARED_LOGIN_MEMORY_IF_FULL,
} from "../config/limit-rules.ts";
import { refundAttempt, type StoredBudget } from "./gcra.ts";

/** The verdict on one more guess, after the guesses so far. */
export interface GuardVerdict {
  /** Whether the user has logged in from this network before. Such a network has its own counter. */
  isKnownNetwork: boolean;
  /** The password must not be accepted from this network: there were too many wrong guesses. */
  isBlocked: boolean;
  /** If this guess is wrong, the password must stop working on unknown networks. */
  isLast: boolean;
}

export interface Guesses {
  /** Wrong guesses in a row. A guess counts as wrong until its password has been checked. */
  count: number;
  /**
   * Wrong guesses that count towards the block but are never shown in headers: those under the account's other name,
   * those at the current password of a logged-in user, and those that were made before a day without guesses.
   */
  hidden: number;
  /** How many of the `hidden` guesses were made at the current password. */
  current: number;
  /** The earliest time of the next guess, in milliseconds since the epoch. */
  nextAt: number;
  /** The time of the last guess that was counted in `count`. */
  lastAt: number;
}

export interface KnownNetwork extends Guesses {
  lastLoginAt: number;
  /**
   * The account whose other guard was last told of a login from this network, and when. Earlier versions stored
   * neither.
   */
  sharedWith?: string;
  sharedAt?: number;
}

export interface Kept {
  /** Shared by all unknown networks. */
  unknown: Guesses;
  /** By network. */
  known: Record<string, KnownNetwork>;
  /** By network, or by the IPv6 /48 around it: when its budget at this account will be full again. */
  places: Record<string, number>;
  /** Whether a user has the name. Otherwise the object forgets everything after a day. */
  isOfUser: boolean;
  touchedAt: number;
}

export const none = (): Guesses => ({ count: 0, hidden: 0, current: 0, nextAt: 0, lastAt: 0 });

const total = ({ count, hidden }: Guesses) => count + hidden;

/** Refunds one attempt of each budget that is not full. */
export function refundPlaces({ places }: Kept, budgets: readonly StoredBudget[]): void {
  for (const { entry, rule } of budgets) {
    const arrival = places[entry];
    if (arrival !== undefined) places[entry] = refundAttempt(arrival, rule);
  }
}

/** Whether the guard of the account's other name already knows everything about this login. */
export function isSharedWith(account: string, network: KnownNetwork, { known }: Kept, now: number): boolean {
  const { sharedWith, sharedAt = 0 } = network;
  const isFull = Object.keys(known).length >= MOST_KNOWN_NETWORKS;
  const memory = isFull ? SHARED_LOGIN_MEMORY_IF_FULL : SHARED_LOGIN_MEMORY;
  // The login itself counts as a guess until it is recorded.
  return total(network) <= 1 && sharedWith === account && now - sharedAt < memory;
}

/** The verdict on the next guess from this network. */
export function verdictOn(guesses: Guesses, isKnownNetwork: boolean): GuardVerdict {
  return {
    isKnownNetwork,
    isBlocked: total(guesses) > MOST_WRONG_GUESSES,
    isLast: !isKnownNetwork && total(guesses) >= MOST_WRONG_GUESSES,
  };
}

/**
 * How long the object remembers after its last use. Shorter if no user has the name, because anyone can type such a
 * name.
 */
export function memoryOf({ isOfUser }: Kept): number {
  return isOfUser ? GUARD_MEMORY : PAUSE_MEMORY;
}

/** The guesses of a known network. After too many failures, a network is no longer known. */
export function knownIn(kept: Kept, network: string, now: number): Kept["known"][string] | undefined {
  const found = Object.hasOwn(kept.known, network) ? kept.known[network] : undefined;
  if (found === undefined || now - found.lastLoginAt >= GUARD_MEMORY) return undefined;
  return total(found) < MOST_WRONG_GUESSES ? found : undefined;
}

/** Whether nothing is worth storing. */
export function isBlank({ unknown, known, places }: Kept, now: number): boolean {
  const isFull = Object.values(places).every((arrival) => arrival <= now);
  return total(unknown) === 0 && Object.keys(known).length === 0 && isFull;
}

/** The state of a name without any guesses. */
export function blank(): Kept {
  return { unknown: none(), known: {}, places: {}, isOfUser: false, touchedAt: 0 };
}
