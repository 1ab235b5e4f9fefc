/**
 * What a login takes, all in one hop: the network's budget, the budget of this network at this account, and the
 * account's guard. An account is identified by the login name that was entered, whether or not such an account exists,
 * so that a refusal does not reveal which accounts exist. The guard's growing pause is in `login-guard-object.ts`.
 */

import type { LimitRules } from "../config/limit-rules.ts";
import {
  type Budget,
  type Limit,
  type LimitParts,
  limitedKey,
  limiterBudget,
  refundAll,
  takeAll,
  withoutFail,
} from "./budgets.ts";
import type { GuardReading, GuardVerdict, HiddenVerdict, LoginGuard } from "./login-guard-object.ts";
import { networkLimits } from "./networks.ts";
import type { RateLimiter } from "./rate-limiter-object.ts";

export type LoginAttempts = ReturnType<typeof createLoginAttempts>;

/** An attempt that was taken or refused. Its methods never throw. */
export type LoginAttempt = Awaited<ReturnType<LoginAttempts["take"]>>;

const nothing = async () => {};

/** Used when limits are off (`RATE_LIMITING=off`): counts nothing. */
export const unlimitedAttempts: LoginAttempts = {
  take: async () => ({
    headers: {},
    isKnownNetwork: true,
    isBlocked: false,
    isLast: false,
    refund: nothing,
    refundGuess: nothing,
    succeed: nothing,
    undoSuccess: nothing,
    countAtUser: async () => ({ isLast: false }),
  }),
  takeCurrent: async () => ({ isKnownNetwork: true, isBlocked: false, isLast: false, isFirst: true, refund: nothing }),
  reset: nothing,
  rename: nothing,
};

export function createLoginAttempts(
  limiters: DurableObjectNamespace<RateLimiter>,
  guards: DurableObjectNamespace<LoginGuard>,
  rules: LimitRules,
  { secrets, hops, meter }: LimitParts,
) {
  const rule = rules.loginPerAccount;
  /** A network is stored as a MAC that includes the account's name, so that it can't be compared across accounts. */
  const networkAt = (name: string, network: string) => limitedKey(secrets, `network:${name} ${network}`);
  const budget = (limit: Limit) => limiterBudget(limit, limiters, rules, secrets, hops);
  const perAddress = (network: string) => networkLimits("loginPerAddress", network).map(budget);
  /** The account's budget for this network, and for the /48 around it. */
  function perAccountAndAddress(name: string, network: string) {
    const keyOf = (text: string) => `${name} ${text}`;
    const [own, ...site] = networkLimits("loginPerAccountAndAddress", network, keyOf);
    return { own: budget(own), site: site.map(budget) };
  }

  function onGuard<Result>(name: string, call: (guard: DurableObjectStub<LoginGuard>) => Promise<Result>) {
    return hops.hop("limiter", () => call(guards.getByName(limitedKey(secrets, `loginPerAccount:${name}`))));
  }
  async function tellGuards(
    names: readonly string[],
    tell: (guard: DurableObjectStub<LoginGuard>, name: string) => Promise<void>,
  ): Promise<void> {
    await Promise.all(names.map((name) => withoutFail(() => onGuard(name, (guard) => tell(guard, name)))));
  }

  /** Resets the counters of these login names. `network`, if given, becomes the only known one. */
  async function reset(names: readonly string[], network?: string): Promise<void> {
    await Promise.all([
      tellGuards(names, (object, name) => object.reset(network === undefined ? undefined : networkAt(name, network))),
      ...(network === undefined
        ? []
        : names.map((name) => withoutFail(() => perAccountAndAddress(name, network).own.forget()))),
    ]);
  }

  return {
    /** Takes an attempt at the account with this name. */
    async take(name: string, network: string) {
      const from = networkAt(name, network);
      let guarded = { isKnownNetwork: false, isBlocked: false, isLast: false, isOfUser: false };
      const guard: Budget = {
        name: "loginPerAccount",
        // No window: this limit counts failures in a row, and its pause grows.
        policy: `"loginPerAccount";q=${rule.budget}`,
        async take() {
          const reading = await onGuard(name, async (object): Promise<GuardReading> => object.take(from, rule));
          guarded = reading;
          return reading;
        },
        refund: () => onGuard(name, (object) => object.refund(from, guarded.isKnownNetwork)),
      };
      const ofAccount = perAccountAndAddress(name, network);
      const budgets = [...perAddress(network), ofAccount.own, ...ofAccount.site, guard];
      const decision = await takeAll(budgets, meter);
      const { isKnownNetwork, isBlocked, isLast } = guarded;
      return {
        ...decision,
        isKnownNetwork,
        isBlocked,
        isLast,
        /** Refunds an attempt whose password was not checked. */
        refund: () => refundAll(budgets),
        /** The password was right, so this was no guess. It has cost a hash, so the network's budgets stay taken. */
        refundGuess: () => refundAll([guard]),
        /**
         * The login succeeded. Clears this network's failures at the account, and makes the network known under each
         * of the account's names.
         */
        async succeed(names: readonly string[]) {
          await Promise.all([
            refundAll([...perAddress(network), ...ofAccount.site]),
            withoutFail(() => ofAccount.own.forget()),
            tellGuards(names, (object, own) => object.recordLogin(networkAt(own, network))),
          ]);
        },
        /**
         * Takes the success back, because the account changed before the session was opened: the network is no longer
         * known.
         */
        undoSuccess: (names: readonly string[]) =>
          tellGuards(names, (object, own) => object.undoLogin(networkAt(own, network))),
        /**
         * The password was wrong, and a user has these names. Counts the guess under the other name as well. What was
         * guessed at these names is remembered for long. Returns whether this was the last guess at any of them: the
         * counters of two names differ after one of the names was changed.
         */
        async countAtUser(names: readonly string[]): Promise<Pick<GuardVerdict, "isLast">> {
          let isLastAtAny = isLast;
          await Promise.all([
            tellGuards(
              names.filter((own) => own !== name),
              async (object, own) => {
                const verdict: HiddenVerdict = await object.countHidden(networkAt(own, network), false);
                isLastAtAny ||= verdict.isLast;
              },
            ),
            ...(guarded.isOfUser ? [] : [tellGuards([name], (object) => object.rememberUser())]),
          ]);
          return { isLast: isLastAtAny };
        },
      };
    },
    /**
     * Counts a guess at the current password of a user who is logged in, under each of the account's names. It causes no
     * pause and is shown in no header. Throws if a guard can't be asked.
     */
    async takeCurrent(names: readonly string[], network: string) {
      const asked = await Promise.allSettled(
        names.map(async (name) => ({
          name,
          ...(await onGuard(
            name,
            async (object): Promise<HiddenVerdict> => object.countHidden(networkAt(name, network), true),
          )),
        })),
      );
      const verdicts = asked.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
      const refund = async () => {
        await Promise.all(
          verdicts.map(({ name, isKnownNetwork }) =>
            tellGuards([name], (object) => object.refundHidden(networkAt(name, network), isKnownNetwork)),
          ),
        );
      };
      const failure = asked.find((outcome) => outcome.status === "rejected");
      if (failure !== undefined) {
        await refund();
        throw failure.reason;
      }
      return {
        // An account has two guards. The stricter one decides.
        isKnownNetwork: verdicts.every(({ isKnownNetwork }) => isKnownNetwork),
        isBlocked: verdicts.some(({ isBlocked }) => isBlocked),
        isLast: verdicts.some(({ isLast }) => isLast),
        isFirst: verdicts.every(({ isFirst }) => isFirst),
        refund,
      };
    },
    reset,
    /**
     * Resets the counters of both names after an account changed its name from `before` to `after`. Another account may
     * use `before` next.
     */
    async rename(before: string, after: string, network: string) {
      await Promise.all([reset([after], network), reset([before])]);
    },
  };
}
