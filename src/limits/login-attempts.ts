/**
 * What a login takes, all in one hop: the address's budget, the budget of this address at this account, and the
 * account's guard. An account is known here by the names that somebody logs in by, whether or not there is such
 * an account, so that nobody learns of one by being refused.
 */
import type { Secrets } from "../platform/crypto.ts";
import type { Hops } from "../platform/hops.ts";
import {
  type Budget,
  giveAllBack,
  type LimitDecision,
  limitedKey,
  limiterBudget,
  takeAll,
  withoutFail,
} from "./limiter.ts";
import type { GuardReading, LoginGuard } from "./login-guard.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { LimitRules } from "./rules.ts";

export interface LoginAttempt extends LimitDecision {
  /** Whether somebody has logged in to the account from this network. */
  isFamiliar: boolean;
  /** The password is not to be believed here: there were too many wrong guesses. */
  isBlocked: boolean;
  /** If this guess is wrong, the password is to stop working for strangers' networks. */
  isLast: boolean;
}

export interface LoginAttempts {
  /** Takes an attempt at the account of this name. */
  take(name: string, network: string): Promise<LoginAttempt>;
  /** Gives back an attempt that was not judged. */
  giveBack(name: string, network: string): Promise<void>;
  /**
   * An attempt was right: what the network got wrong at this account before is forgiven, and it is familiar from now
   * on, by each of the account's names.
   */
  succeed(name: string, network: string, names: readonly string[]): Promise<void>;
  /** Counts a wrong guess by the account's other name too. */
  share(name: string): Promise<void>;
  /**
   * Starts counting anew after the password was set by its owner, whose network is the only familiar one from now
   * on; without one there is none.
   */
  startAfresh(names: readonly string[], network?: string): Promise<void>;
}

type Guard = DurableObjectStub<LoginGuard>;

const FREE: LoginAttempt = { headers: {}, isFamiliar: true, isBlocked: false, isLast: false };

/** Attempts that nobody counts (`RATE_LIMITING=off`). */
export const unlimitedAttempts: LoginAttempts = {
  take: async () => FREE,
  giveBack: async () => {},
  succeed: async () => {},
  share: async () => {},
  startAfresh: async () => {},
};

export function createLoginAttempts(
  limiters: DurableObjectNamespace<RateLimiter>,
  guards: DurableObjectNamespace<LoginGuard>,
  rules: LimitRules,
  secrets: Secrets,
  hops: Hops,
): LoginAttempts {
  const rule = rules.loginPerAccount;
  const guardOf = (name: string) => guards.getByName(limitedKey(secrets, `loginPerAccount:${name}`));
  /** A network is kept with the account: as a MAC that is good for this account alone. */
  const networkAt = (name: string, network: string) => limitedKey(secrets, `network:${name} ${network}`);
  const onGuard = <Result>(name: string, call: (guard: Guard) => Promise<Result>) =>
    hops.hop("limiter", () => call(guardOf(name)));

  const perAddress = (network: string): Budget =>
    limiterBudget({ rule: "loginPerAddress", key: network }, limiters, rules, secrets, hops);
  const perAccountAndAddress = (name: string, network: string): Budget =>
    limiterBudget({ rule: "loginPerAccountAndAddress", key: `${name} ${network}` }, limiters, rules, secrets, hops);
  function guardBudget(name: string, network: string): Budget<GuardReading> {
    const from = networkAt(name, network);
    return {
      name: "loginPerAccount",
      rule,
      take: () => onGuard(name, async (guard): Promise<GuardReading> => guard.take(from, rule)),
      giveBack: () => onGuard(name, (guard) => guard.giveBack(from)),
      forget: () => onGuard(name, (guard) => guard.forget()),
    };
  }

  const tellGuards = (names: readonly string[], tell: (guard: Guard, name: string) => Promise<void>) =>
    Promise.all(names.map((name) => withoutFail(() => onGuard(name, (guard) => tell(guard, name)))));

  return {
    async take(name, network) {
      const guard = guardBudget(name, network);
      let guarded: GuardReading | undefined;
      const noticed: Budget = {
        ...guard,
        async take() {
          guarded = await guard.take();
          return guarded;
        },
      };
      const decision = await takeAll([perAddress(network), perAccountAndAddress(name, network), noticed]);
      const { isFamiliar = false, isBlocked = false, isLast = false } = guarded ?? {};
      return { ...decision, isFamiliar, isBlocked, isLast };
    },
    giveBack: (name, network) =>
      giveAllBack([perAddress(network), perAccountAndAddress(name, network), guardBudget(name, network)]),
    async succeed(name, network, names) {
      await Promise.all([
        giveAllBack([perAddress(network)]),
        withoutFail(() => perAccountAndAddress(name, network).forget()),
        tellGuards(names, (guard, own) => guard.welcome(networkAt(own, network), false)),
      ]);
    },
    async share(name) {
      await tellGuards([name], (guard) => guard.share());
    },
    async startAfresh(names, network) {
      await tellGuards(names, (guard, own) =>
        network === undefined ? guard.forget() : guard.welcome(networkAt(own, network), true),
      );
    },
  };
}
