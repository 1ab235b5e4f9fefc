/** What a LoginGuard stores for one login name, and the decisions that follow from it. */
import {
  GUARD_MEMORY,
  MOST_KNOWN_NETWORKS,
  MOST_WRONG_GUESSES,
  PAUSE_MEMORY,
  SHARED_LOGIN_MEMORY,
  SHARED_LOGIN_MEMORY_IF_FULL,
} from "../config/limit-rules.ts";
import { refundAttempt, type StoredBudget } from "./gcra.ts";

/** How the service must treat a guess, given the guesses so far. */
export interface GuardVerdict {
  /** Whether the user has logged in from this network before. Such a network has its own counter of guesses. */
  isKnownNetwork: boolean;
  /** Whether the password must not be accepted from this network, because there were too many wrong guesses. */
  isBlocked: boolean;
  /** Whether the password must stop working on unknown networks if this guess is wrong. */
  isLast: boolean;
}

export interface Guesses {
  /** Wrong guesses in a row. A guess counts as wrong until its password has been checked. */
  count: number;
  /**
   * Wrong guesses that count towards the block but cause no pause, and are never shown in headers: guesses under the
   * account's other name, guesses at the current password of a logged-in user, and guesses whose pause was ended.
   */
  hidden: number;
  /** How many of the `hidden` guesses were made at the current password. */
  current: number;
  /** When the pause ends, in milliseconds since the epoch; 0 if there is none. */
  nextAt: number;
  /** When the last guess in `count` was made, in milliseconds since the epoch. */
  lastAt: number;
}

interface KnownNetwork extends Guesses {
  lastLoginAt: number;
  /**
   * When the guard of the other name last learned of a login from this network: a keyed hash (MAC) of the account's
   * names at that time, and the time in milliseconds since the epoch. Earlier versions stored neither.
   */
  sharedWith?: string;
  sharedAt?: number;
}

export interface Kept {
  /** The guesses from all unknown networks together. */
  unknown: Guesses;
  /** The guesses from each known network. The keys are keyed hashes (HMACs) of the networks. */
  known: Record<string, KnownNetwork>;
  /** For each network or IPv6 /48, when its budget at this account will be full again. The keys are HMACs. */
  places: Record<string, number>;
  /** Whether a user has the name. If not, the object deletes everything after a day without use. */
  isOfUser: boolean;
  touchedAt: number;
}

export const none = (): Guesses => ({ count: 0, hidden: 0, current: 0, nextAt: 0, lastAt: 0 });

const total = ({ count, hidden }: Guesses) => count + hidden;

/** Returns one attempt to each budget that is not full. */
export function refundPlaces({ places }: Kept, budgets: readonly StoredBudget[]): void {
  for (const { entry, rule } of budgets) {
    const arrival = places[entry];
    if (arrival !== undefined) places[entry] = refundAttempt(arrival, rule);
  }
}

/**
 * Whether the guard of the account's other name need not learn of a login from this known network. `taken`: how many
 * guesses the login itself took here. These guesses count as wrong until the login is recorded.
 */
export function isSharedWith(
  account: string,
  network: KnownNetwork,
  { known }: Kept,
  { now, taken }: { now: number; taken: number },
): boolean {
  const { sharedWith, sharedAt = 0 } = network;
  const isFull = Object.keys(known).length >= MOST_KNOWN_NETWORKS;
  const memory = isFull ? SHARED_LOGIN_MEMORY_IF_FULL : SHARED_LOGIN_MEMORY;
  return total(network) <= taken && sharedWith === account && now - sharedAt < memory;
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
 * How long the object keeps its state after its last use. Shorter if no user has the name, because anyone can send such
 * names.
 */
export function memoryOf({ isOfUser }: Kept): number {
  return isOfUser ? GUARD_MEMORY : PAUSE_MEMORY;
}

/** The entry of a known network; `undefined` if it is unknown, had too many failures, or its last login is too old. */
export function knownIn(kept: Kept, network: string, now: number): Kept["known"][string] | undefined {
  const found = Object.hasOwn(kept.known, network) ? kept.known[network] : undefined;
  if (found === undefined || now - found.lastLoginAt >= GUARD_MEMORY) return undefined;
  return total(found) < MOST_WRONG_GUESSES ? found : undefined;
}

/** Whether the state has no guesses, no known networks and only full budgets, so that it need not be stored. */
export function isBlank({ unknown, known, places }: Kept, now: number): boolean {
  const isFull = Object.values(places).every((arrival) => arrival <= now);
  return total(unknown) === 0 && Object.keys(known).length === 0 && isFull;
}

/** The state of a name without any guesses. */
export function blank(): Kept {
  return { unknown: none(), known: {}, places: {}, isOfUser: false, touchedAt: 0 };
}
