/** The calls with which handlers read and change second factors in users' objects. Each call is one round trip. */
import type { Config } from "../config/config.ts";
import type { ReportOrigin } from "../objects/owner-reports.ts";
import type { Hops } from "../platform/hops.ts";
import { disposing } from "../platform/rpc-stubs.ts";
import type { Factor } from "./factor.ts";
import type { CodeProof, Confirmation, PasskeyAddition } from "./factor-proofs.ts";
import type { KnownPasskey } from "./passkeys/options.ts";
import type { RegisteredPasskey } from "./passkeys/verify-registration.ts";
import type { SingleUse } from "./spent-tokens.ts";
import type { FactorCaller, FactorList, Removal, RemovalRules, UserFactors } from "./user-factors.ts";

/** The part of a user's object that these calls use. */
type FactorObject = Rpc.DurableObjectBranded & { factors(caller: FactorCaller): Promise<UserFactors> };

type PendingFactors = ReturnType<DurableObjectStub<FactorObject>["factors"]>;

export type Factors = ReturnType<typeof createFactors>;

export function createFactors(
  objects: DurableObjectNamespace<FactorObject>,
  { limits }: Config,
  hops: Hops,
  request: ReportOrigin,
) {
  const rule = limits.enforced ? limits.rules.secondFactorPerUser : undefined;
  // `factors()` is not awaited, so that this call and the call of the method share one round trip.
  const call = <Result>(
    userId: string,
    method: (factors: PendingFactors) => Promise<Result>,
    caller = { actorId: userId, hasProvedFactor: false },
  ): Promise<Result> =>
    hops.hop("sessions", () => disposing(objects.getByName(userId).factors({ ...request, ...caller }), method));

  return {
    list: (userId: string) => call(userId, async (factors): Promise<FactorList> => factors.list()),
    removeTrustedDevice: (userId: string, id: string) => call(userId, (factors) => factors.removeTrustedDevice(id)),
    removeTrustedDevices: (userId: string) => call(userId, (factors) => factors.removeTrustedDevices()),
    passkeys: (userId: string) => call(userId, async (factors): Promise<KnownPasskey[]> => factors.passkeys()),
    rename: (userId: string, id: string, name: string) =>
      call(userId, async (factors): Promise<Factor | undefined> => factors.rename(id, name)),
    /** Removes all factors on behalf of an operator. `isKnown`: whether D1 knows of a factor. */
    removeAll: (userId: string, { actorId, isKnown }: { actorId: string; isKnown: boolean }) =>
      call(userId, (factors) => factors.removeAll(userId, isKnown), { actorId, hasProvedFactor: false }),

    /** The calls with which users change their own factors. {@link UserFactors} describes the results. */
    changesBy({ userId, hasProvedFactor }: { userId: string; hasProvedFactor: boolean }) {
      const change = <Result>(method: (factors: PendingFactors) => Promise<Result>) =>
        call(userId, method, { actorId: userId, hasProvedFactor });
      return {
        addTotp: (factor: { id: string; name: string; sealedSeed: string }) =>
          change((factors) => factors.addTotp(factor)),
        confirmTotp: (proof: CodeProof, recoveryMacs: readonly string[]) =>
          change(
            async (factors): Promise<Confirmation | null> => factors.confirmTotp(userId, proof, recoveryMacs, rule),
          ),
        addPasskey: (
          passkey: { id: string; name: string; content: RegisteredPasskey },
          challenge: SingleUse,
          recoveryMacs: readonly string[],
        ) =>
          change(
            async (factors): Promise<PasskeyAddition | null> =>
              factors.addPasskey(userId, passkey, challenge, recoveryMacs),
          ),
        addEmail: (factor: { id: string; name: string }, recoveryMacs: readonly string[]) =>
          change(async (factors): Promise<Factor | undefined | null> => factors.addEmail(userId, factor, recoveryMacs)),
        remove: (id: string, { keepsLast, keepsPasskey }: RemovalRules) =>
          change(async (factors): Promise<Removal> => factors.remove(userId, id, keepsLast, keepsPasskey)),
        replaceRecoveryCodes: (macs: readonly string[]) =>
          change((factors) => factors.replaceRecoveryCodes(userId, macs)),
      };
    },
  };
}
