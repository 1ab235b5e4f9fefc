/** Calls LoginGuard objects by login name. An account has one for its email address, and one for its username. */
import type { Secrets } from "../platform/crypto.ts";
import type { Hops } from "../platform/hops.ts";
import { limitedKey, withoutFail } from "./budgets.ts";
import type { HiddenVerdict, LoginGuard } from "./login-guard-object.ts";

export function createLoginGuards(
  objects: DurableObjectNamespace<LoginGuard>,
  { secrets, hops }: { secrets: Secrets; hops: Hops },
) {
  /**
   * The keyed hash (MAC) under which a guard stores a network. The login name is part of the input, so hashes of one
   * network can't be compared across accounts.
   */
  const networkAt = (name: string, network: string) => limitedKey(secrets, `network:${name} ${network}`);

  function ask<Result>(name: string, call: (guard: DurableObjectStub<LoginGuard>) => Promise<Result>) {
    return hops.hop("limiter", () => call(objects.getByName(limitedKey(secrets, `loginPerAccount:${name}`))));
  }

  /** Calls the guards of these names. Never throws: logs a failure. */
  async function tell(
    names: readonly string[],
    call: (guard: DurableObjectStub<LoginGuard>, name: string) => Promise<void>,
  ): Promise<void> {
    await Promise.all(names.map((name) => withoutFail(() => ask(name, (guard) => call(guard, name)))));
  }

  /**
   * Counts a guess at the current password of a logged-in user at the guard of each name of the account. The guess
   * causes no pause, and no header shows it. If the call to a guard fails, refunds the guess and throws.
   */
  async function takeCurrent(names: readonly string[], network: string) {
    const asked = await Promise.allSettled(
      names.map(async (name) => ({
        name,
        ...(await ask(
          name,
          async (object): Promise<HiddenVerdict> => object.countHidden(networkAt(name, network), true),
        )),
      })),
    );
    const verdicts = asked.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
    const refund = async () => {
      await Promise.all(
        verdicts.map(({ name, isKnownNetwork }) =>
          tell([name], (object) => object.refundHidden(networkAt(name, network), isKnownNetwork)),
        ),
      );
    };
    const failure = asked.find((outcome) => outcome.status === "rejected");
    if (failure !== undefined) {
      await refund();
      throw failure.reason;
    }
    return {
      // The stricter guard decides.
      isKnownNetwork: verdicts.every(({ isKnownNetwork }) => isKnownNetwork),
      isBlocked: verdicts.some(({ isBlocked }) => isBlocked),
      isLast: verdicts.some(({ isLast }) => isLast),
      isFirst: verdicts.every(({ isFirst }) => isFirst),
      refund,
    };
  }

  /** Resets the counters of these login names. `network`, if given, becomes the only known network. */
  async function reset(names: readonly string[], network?: string): Promise<void> {
    await tell(names, (guard, name) => guard.reset(network === undefined ? undefined : networkAt(name, network)));
  }

  /**
   * Call it when an account changes its login name from `before` to `after`. Resets the counters of both names, because
   * another account may use `before` next. `network` becomes the only known network of `after`.
   */
  async function rename(before: string, after: string, network: string) {
    await Promise.all([reset([after], network), reset([before])]);
  }

  return { networkAt, ask, tell, takeCurrent, reset, rename };
}
