/**
 * Counts login attempts. In one round trip, a login takes an attempt from the budget of the client's network, and calls
 * the guard of the login name that the client sent. The guard counts a guess at the password, and takes an attempt from
 * the network's budget at this name. Each name has a guard, even if no user has the name, so a refusal does not reveal
 * which users exist. `pause-after-wrong-guesses.ts` describes the guard's growing pause.
 *
 * Limits cost money mostly by the rows that they write. So a login that succeeds makes four calls but writes two rows:
 *
 * | | before the hash | after the hash |
 * |---|---|---|
 * | network (`RateLimiter`) | a lease: counts in memory | ends the lease; writes a wrong password after the response |
 * | account (`LoginGuard`) | writes the attempt | writes the login; a wrong password is written already |
 *
 * A user has a second guard, for their other name: the email address or the username. That guard learns of a login
 * after the response, and only if the login changes the state of that guard.
 *
 * Until the hash has been checked, an attempt counts as a wrong password: in the guard's storage, and in the memory of
 * the network's object. If that object is evicted before it writes the attempt, or the write fails, the network gets
 * attempts back, at most one budget. The guard loses nothing.
 */

import { LIMIT_RULES, type LimitRules } from "../config/limit-rules.ts";
import {
  type Budgets,
  type LimitParts,
  limitedKey,
  objectNameOf,
  readingsOf,
  refundAll,
  ruleOf,
  storedBudget,
  takeAll,
  withoutFail,
} from "./budgets.ts";
import type { BudgetState } from "./gcra.ts";
import type { GuardReading, HiddenVerdict, LoginGuard } from "./login-guard-object.ts";
import type { GuardVerdict } from "./login-guard-state.ts";
import { createLoginGuards } from "./login-guards.ts";
import { networkLimits } from "./networks.ts";
import type { LeaseReading, RateLimiter } from "./rate-limiter-object.ts";

export type LoginAttempts = ReturnType<typeof createLoginAttempts>;

/** An attempt that was taken or refused. Its methods never throw. */
export type LoginAttempt = Awaited<ReturnType<LoginAttempts["take"]>>;

/** An attempt whose password was right. Its methods record the outcome of the login, and never throw. */
export interface ProvedAttempt {
  /**
   * Call this if the password was right, but the login ends without a session or needs another step. Refunds the guess,
   * but not the attempt at the network's budgets, because the service computed a hash.
   */
  refundGuess(): Promise<void>;
  /**
   * Call this if the login succeeded. Clears this network's failures at the account, and makes the network known there.
   * If `mustShare` is true, call `share` too: the guard of the account's other name must learn of the login.
   */
  succeed(names: readonly string[]): Promise<{ mustShare: boolean }>;
  /** Makes the network known under the account's other name, and clears the network's failures there. */
  share(names: readonly string[]): Promise<void>;
  /**
   * Takes the success back, because the account changed before the session was opened. The network is no longer known.
   */
  undoSuccess(names: readonly string[]): Promise<void>;
}

const nothing = async () => {};

const UNCOUNTED: ProvedAttempt = {
  refundGuess: nothing,
  succeed: async () => ({ mustShare: false }),
  share: nothing,
  undoSuccess: nothing,
};

/** Used when limits are off (`RATE_LIMITING=off`): counts nothing. */
export const unlimitedAttempts: LoginAttempts = {
  take: async () => ({
    headers: {},
    isKnownNetwork: true,
    isBlocked: false,
    isLast: false,
    refund: nothing,
    ...UNCOUNTED,
    count: nothing,
    countAtUser: async () => ({ isLast: false }),
  }),
  proved: () => UNCOUNTED,
  takeCurrent: async () => ({ isKnownNetwork: true, isBlocked: false, isLast: false, isFirst: true, refund: nothing }),
  reset: nothing,
  rename: nothing,
  look: async (names) => names.map(() => ({ remaining: LIMIT_RULES.loginPerAccount.budget, resetAfter: 0 })),
  endPauses: nothing,
};

export function createLoginAttempts(
  limiters: DurableObjectNamespace<RateLimiter>,
  guardObjects: DurableObjectNamespace<LoginGuard>,
  rules: LimitRules,
  { secrets, hops, meter }: LimitParts,
) {
  const rule = rules.loginPerAccount;
  const guards = createLoginGuards(guardObjects, { secrets, hops });

  /** The budgets of a network and, for IPv6, of the /48 around it. `take` leases an attempt from each. */
  function atNetwork(network: string): Budgets & Record<"count" | "refundCounted", () => Promise<void>> {
    const limits = networkLimits("loginPerAddress", network);
    const stored = limits.map((limit) => storedBudget(limit, rules, secrets));
    const onNetwork = <Result>(call: (object: DurableObjectStub<RateLimiter>) => Promise<Result>) =>
      hops.hop("limiter", () => call(limiters.getByName(objectNameOf(limits[0], secrets))));
    let endsAt = 0;
    return {
      async take() {
        const lease = await onNetwork(async (object): Promise<LeaseReading> => object.lease(stored));
        endsAt = lease.endsAt;
        return readingsOf(limits, rules, lease.readings);
      },
      refund: () => onNetwork((object) => object.release(stored, endsAt)),
      count: () => onNetwork((object) => object.count(stored, endsAt)),
      /** Refunds an attempt that was counted before. */
      refundCounted: () => onNetwork((object) => object.refund(stored)),
    };
  }

  /** The guard of a login name, and the budgets of the network at this name. */
  function atAccount(name: string, network: string) {
    const limits = networkLimits("loginPerAccountAndAddress", network);
    const from = guards.networkAt(name, network);
    const places = limits.map((limit) => ({ entry: guards.networkAt(name, limit.key), rule: ruleOf(limit, rules) }));
    // The policy has no window, because this limit counts failures in a row, and its pause grows.
    const policy = `"loginPerAccount";q=${rule.budget}`;
    let verdict = { isKnownNetwork: false, isBlocked: false, isLast: false, isOfUser: false };
    return {
      /** The guard's verdict when the attempt was taken. */
      verdict: () => verdict,
      async take() {
        const reading = await guards.ask(
          name,
          async (object): Promise<GuardReading> => object.take(from, rule, places),
        );
        verdict = reading;
        return [...readingsOf(limits, rules, reading.places), { name: "loginPerAccount" as const, policy, reading }];
      },
      refund: () => guards.ask(name, (object) => object.refund(from, verdict.isKnownNetwork, places)),
      refundGuess: () => guards.ask(name, (object) => object.refund(from, verdict.isKnownNetwork)),
      recordLogin: (account: string) =>
        guards.ask(name, async (object): Promise<boolean> => object.recordLogin(from, account, places)),
    };
  }

  const accountOf = (names: readonly string[]) => limitedKey(secrets, `account:${names.join(" ")}`);

  /** Makes the network known to the guards of these names, and clears the network's failures there. */
  const share = (network: string, names: readonly string[], account: string) =>
    guards.tell(names, async (object, own) => {
      await object.recordLogin(guards.networkAt(own, network), account);
    });

  /** Makes the network unknown to the guards of these names. */
  const undoSuccess = (network: string, names: readonly string[]) =>
    guards.tell(names, (object, own) => object.undoLogin(guards.networkAt(own, network)));

  return {
    /** Takes an attempt at this login name. */
    async take(name: string, network: string) {
      const [place, guard] = [atNetwork(network), atAccount(name, network)];
      const decision = await takeAll([place, guard], meter);
      const { isKnownNetwork, isBlocked, isLast, isOfUser } = guard.verdict();
      const others = (names: readonly string[]) => names.filter((own) => own !== name);
      // A refused attempt is already refunded.
      let isSettled = decision.refusal !== undefined;
      async function settle(work: () => Promise<unknown>): Promise<void> {
        if (isSettled) return;
        isSettled = true;
        await work();
      }
      return {
        ...decision,
        isKnownNetwork,
        isBlocked,
        isLast,
        /** Refunds an attempt whose password was not checked. */
        refund: () => settle(() => refundAll([place, guard])),
        refundGuess: () =>
          settle(() => Promise.all([refundAll([{ refund: guard.refundGuess }]), withoutFail(place.count)])),
        /**
         * Keeps the attempt counted. Call this after the response. Until then, the attempt counts in the memory of the
         * network's object.
         */
        count: () => settle(() => withoutFail(place.count)),
        async succeed(names: readonly string[]): Promise<{ mustShare: boolean }> {
          let mustShare = false;
          await settle(() =>
            Promise.all([
              refundAll([place]),
              withoutFail(async () => {
                mustShare = await guard.recordLogin(accountOf(names));
              }),
            ]),
          );
          return { mustShare };
        },
        share: (names: readonly string[]) => share(network, others(names), accountOf(names)),
        undoSuccess: (names: readonly string[]) => undoSuccess(network, names),
        /**
         * Call this if the password was wrong and a user has these names. Counts the guess in the guard of the other
         * name too. From now on, both guards remember guesses for longer than a day. Returns whether this was the last
         * allowed guess at either name. The counters of the two guards can differ, because a change of one name resets
         * that name's counter.
         */
        async countAtUser(names: readonly string[]): Promise<Pick<GuardVerdict, "isLast">> {
          let isLastAtAny = isLast;
          await Promise.all([
            guards.tell(others(names), async (object, own) => {
              const verdict: HiddenVerdict = await object.countHidden(guards.networkAt(own, network), false);
              isLastAtAny ||= verdict.isLast;
            }),
            ...(isOfUser ? [] : [guards.tell([name], (object) => object.rememberUser())]),
          ]);
          return { isLast: isLastAtAny };
        },
      };
    },
    /**
     * The attempt of a request that checks no password. The first step of the login was a passkey or an emailed link,
     * or an earlier request checked the password and settled its own attempt. `hadPassword`: whether the first step was
     * a password.
     */
    proved: (network: string, hadPassword: boolean): ProvedAttempt => ({
      ...UNCOUNTED,
      // The earlier request opened no session, so its attempt at the network stayed counted. This login refunds it.
      async succeed() {
        if (hadPassword) await refundAll([{ refund: atNetwork(network).refundCounted }]);
        return { mustShare: true };
      },
      async share(names) {
        const account = accountOf(names);
        // The earlier request may have used either name, so the guards of both names clear the failures.
        if (hadPassword) return share(network, names, account);
        const [name = "", ...others] = names;
        let mustShare = true;
        await withoutFail(async () => {
          const from = guards.networkAt(name, network);
          mustShare = await guards.ask(
            name,
            async (object): Promise<boolean> => object.recordLogin(from, account, [], 0),
          );
        });
        if (mustShare) await share(network, others, account);
      },
      undoSuccess: (names) => undoSuccess(network, names),
    }),
    takeCurrent: guards.takeCurrent,
    reset: guards.reset,
    rename: guards.rename,
    /**
     * For each of these names, how many guesses still cause no pause, and how long a pause still lasts. Counts nothing.
     */
    look: (names: readonly string[]): Promise<BudgetState[]> =>
      Promise.all(names.map((name) => guards.ask(name, async (object): Promise<BudgetState> => object.look(rule)))),
    /** Ends the pauses at these names, and fills all networks' budgets there. Throws if a guard doesn't answer. */
    async endPauses(names: readonly string[]): Promise<void> {
      await Promise.all(names.map((name) => guards.ask(name, (object) => object.endPauses())));
    },
  };
}
