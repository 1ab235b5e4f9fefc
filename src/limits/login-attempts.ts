/**
 * What a login takes, all in one hop: the address's budget, the budget of this address at this account, and the
 * account's guard. An account is known here by the names that somebody logs in by, whether or not there is such
 * an account, so that nobody learns of one by being refused.
 */
import type { Secrets } from "../platform/crypto.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { type Budget, giveAllBack, type LimitDecision, limitedKey, limiterBudget, takeAll } from "./limiter.ts";
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
  /** Gives back an attempt that was right: the network is familiar from now on, by each of the account's names. */
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

  function limiterBudgets(name: string, network: string): Budget[] {
    return [
      limiterBudget({ rule: "loginPerAddress", key: network }, limiters, rules, secrets, hops),
      limiterBudget({ rule: "loginPerAccountAndAddress", key: `${name} ${network}` }, limiters, rules, secrets, hops),
    ];
  }
  function guardBudget(name: string, network: string): Budget<GuardReading> {
    const from = networkAt(name, network);
    return {
      name: "loginPerAccount",
      rule,
      take: () => onGuard(name, async (guard): Promise<GuardReading> => guard.take(from, rule)),
      giveBack: () => onGuard(name, (guard) => guard.giveBack(from)),
    };
  }

  /** What has happened is not undone where a guard does not answer: that is logged, and it counts on as before. */
  async function tellGuards(names: readonly string[], tell: (guard: Guard, name: string) => Promise<void>) {
    await Promise.all(
      names.map(async (name) => {
        try {
          await onGuard(name, (guard) => tell(guard, name));
        } catch (error) {
          writeLog("error", { event: "login_guard_not_told", error: describeError(error) });
        }
      }),
    );
  }

  return {
    async take(name, network) {
      let guarded: GuardReading | undefined;
      const guard = guardBudget(name, network);
      const noticed: Budget = {
        ...guard,
        async take() {
          guarded = await guard.take();
          return guarded;
        },
      };
      const decision = await takeAll([...limiterBudgets(name, network), noticed]);
      const { isFamiliar = false, isBlocked = false, isLast = false } = guarded ?? {};
      return { ...decision, isFamiliar, isBlocked, isLast };
    },
    giveBack: (name, network) => giveAllBack([...limiterBudgets(name, network), guardBudget(name, network)]),
    async succeed(name, network, names) {
      await Promise.all([
        giveAllBack(limiterBudgets(name, network)),
        tellGuards(names, (guard, own) => guard.welcome(networkAt(own, network), false)),
      ]);
    },
    share: (name) => tellGuards([name], (guard) => guard.share()),
    startAfresh: (names, network) =>
      tellGuards(names, (guard, own) =>
        network === undefined ? guard.forget() : guard.welcome(networkAt(own, network), true),
      ),
  };
}
