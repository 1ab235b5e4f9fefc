/** The calls of a user's object that concern the user's factors. */
import { RpcTarget } from "cloudflare:workers";
import type { AuditEvent } from "../audit/event-types.ts";
import type { LimitRule } from "../config/limit-rules.ts";
import type { OwnerNews, ReportOrigin } from "../objects/owner-reports.ts";
import { systemClock } from "../platform/clock.ts";
import type { Factor } from "./factor.ts";
import type { CodeProof, Confirmation, PasskeyAddition } from "./factor-proofs.ts";
import type { LastPasskey } from "./last-passkey.ts";
import type { KnownPasskey } from "./passkeys/options.ts";
import type { RegisteredPasskey } from "./passkeys/verify-registration.ts";
import type { SecondFactors } from "./second-factors.ts";
import type { SingleUse } from "./spent-tokens.ts";
import type { TrustedDevice } from "./trusted-device.ts";
import type { TrustedDeviceRecords } from "./trusted-device-records.ts";

export interface FactorList {
  items: Factor[];
  recoveryCodesLeft: number;
  /** Absent from an object of an earlier release. */
  trustedDevices?: TrustedDevice[];
}

/** What a user must keep. */
export interface RemovalRules {
  /** The last factor, not counting codes by email. */
  keepsLast: boolean;
  /** The last passkey, if there is no password. */
  keepsPasskey: boolean;
}

/**
 * The removed factor; `undefined` if there is none with this id. `last` and `last_login_method`: nothing was removed,
 * because the user must keep the factor. `null`: the caller may not change factors.
 */
export type Removal = Factor | "last" | "last_login_method" | undefined | null;

interface Parts {
  factors: SecondFactors;
  lastPasskey: LastPasskey;
  db: D1Database;
  trustedDevices: TrustedDeviceRecords;
  caller: FactorCaller;
  /** Whether the user has been deleted. */
  isClosed(now: number): boolean;
  /** Whether D1 says that the user has a factor, and this object has already written all its changes to D1. */
  isKnownToDirectory(userId: string): Promise<boolean>;
  /** Sets the object's alarm to `time`, unless it is already set to an earlier time. */
  armFor(time: number): Promise<void>;
  /**
   * Reports a change to the owner and to the audit log, and tells D1 whether the user has a second factor. Also ends
   * the trust in all of the user's devices.
   */
  report(event: ReportedEvent, news: OwnerNews, now: number): Promise<void>;
}

type ReportedEvent = Pick<AuditEvent, "type" | "actorId" | "details">;

/** Who calls: the user, or an operator. */
export interface FactorCaller extends ReportOrigin {
  actorId: string;
  /** Whether the caller's session has proved one of the user's factors. Not checked for calls by operators. */
  hasProvedFactor: boolean;
}

/**
 * The methods that add, remove or replace factors or recovery codes return `null` in two cases: the user has a factor
 * that the caller has not proved, or the user has been deleted. A handler can't check the first case itself, because D1
 * may not know of a new factor yet. Codes by email don't count as such a factor, because no session shows that they
 * were proved. `rename` and `removeAll` check neither case.
 */
export class UserFactors extends RpcTarget {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
  }

  async list(): Promise<FactorList> {
    const { factors, trustedDevices } = this.#parts;
    const devices = trustedDevices.list(systemClock.now());
    return { items: factors.list(), recoveryCodesLeft: factors.recoveryCodesLeft, trustedDevices: devices };
  }

  /** `false` if the user has too many factors. */
  async addTotp(factor: { id: string; name: string; sealedSeed: string }): Promise<boolean | null> {
    if (!this.#mayChange) return null;
    const isAdded = this.#parts.factors.additions.addTotp(factor, systemClock.now());
    await this.#armForLapse();
    return isAdded;
  }

  async confirmTotp(
    userId: string,
    proof: CodeProof,
    recoveryMacs: readonly string[],
    rule: LimitRule | undefined,
  ): Promise<Confirmation | null> {
    if (!this.#mayChange) return null;
    const confirmation = await this.#parts.factors.additions.confirm(proof, recoveryMacs, {
      rule,
      time: systemClock.now,
      mayConfirm: () => this.#mayChange,
    });
    if (confirmation?.outcome === "confirmed") {
      await this.#reportFactor("second_factor_added", userId, confirmation.factor);
    }
    return confirmation;
  }

  /** Leaves out a passkey that is about to be removed. */
  async passkeys(): Promise<KnownPasskey[]> {
    const { factors, lastPasskey } = this.#parts;
    return factors.passkeys().filter(({ id }) => !lastPasskey.isLeaving(id));
  }

  async addPasskey(
    userId: string,
    passkey: { id: string; name: string; content: RegisteredPasskey },
    challenge: SingleUse,
    recoveryMacs: readonly string[],
  ): Promise<PasskeyAddition | null> {
    if (!this.#mayChange) return null;
    const { factors } = this.#parts;
    const addition = factors.additions.addPasskey(passkey, challenge, recoveryMacs, systemClock.now());
    if (addition.outcome === "added") await this.#reportFactor("second_factor_added", userId, addition.factor);
    await this.#armForLapse();
    return addition;
  }

  /** Returns `undefined` if the user already has a factor. */
  async addEmail(
    userId: string,
    factor: { id: string; name: string },
    recoveryMacs: readonly string[],
  ): Promise<Factor | undefined | null> {
    if (!this.#mayChange) return null;
    const added = this.#parts.factors.additions.addEmail(factor, recoveryMacs, systemClock.now());
    if (added !== undefined) await this.#reportFactor("second_factor_added", userId, added);
    return added;
  }

  async rename(id: string, name: string): Promise<Factor | undefined> {
    return this.#parts.factors.rename(id, name);
  }

  /** The last two parameters are those of {@link RemovalRules}. A Worker of an earlier release may leave them out. */
  async remove(userId: string, id: string, keepsLast = false, keepsPasskey = false): Promise<Removal> {
    const removal = await this.#remove(userId, id, { keepsLast, keepsPasskey });
    if (typeof removal === "object" && removal !== null)
      await this.#reportFactor("second_factor_removed", userId, removal);
    return removal;
  }

  async #remove(userId: string, id: string, { keepsLast, keepsPasskey }: RemovalRules): Promise<Removal> {
    if (!this.#mayChange) return null;
    const { db, factors, lastPasskey } = this.#parts;
    if (!keepsPasskey || !factors.isLastPasskey(id)) return factors.remove(id, keepsLast);
    return lastPasskey.release(db, { userId, id, now: systemClock.now() }, (hasPassword): Removal => {
      // Check again: the factors may have changed while D1 answered.
      if (!this.#mayChange) return null;
      return hasPassword || !factors.isLastPasskey(id) ? factors.remove(id, keepsLast) : "last_login_method";
    });
  }

  /**
   * Also removes factors that only D1 knows of: imported factors, and factors that this object has lost. `isKnown`:
   * whether D1 knew of a factor when the request began. This method asks D1 again, so a retry does not notify the owner
   * again.
   */
  async removeAll(userId: string, isKnown: boolean): Promise<void> {
    const { factors, isKnownToDirectory } = this.#parts;
    const hasAny = factors.since !== null || (isKnown && (await isKnownToDirectory(userId)));
    factors.removeAll();
    if (hasAny) await this.#report("second_factors_removed", { kind: "second_factors_removed", userId });
  }

  async replaceRecoveryCodes(userId: string, macs: readonly string[]): Promise<boolean | null> {
    if (!this.#mayChange) return null;
    const isReplaced = this.#parts.factors.replaceRecoveryCodes(macs);
    if (isReplaced) await this.#report("recovery_codes_replaced", { kind: "recovery_codes_replaced", userId });
    return isReplaced;
  }

  /** `false` if the device is not trusted. */
  async removeTrustedDevice(id: string): Promise<boolean> {
    return this.#parts.trustedDevices.remove(id);
  }

  /** Returns how many there were. */
  async removeTrustedDevices(): Promise<number> {
    return this.#parts.trustedDevices.removeAll();
  }

  async #armForLapse(): Promise<void> {
    const lapse = this.#parts.factors.nextLapse();
    if (lapse !== undefined) await this.#parts.armFor(lapse);
  }

  #reportFactor(type: "second_factor_added" | "second_factor_removed", userId: string, { id, kind }: Factor) {
    return this.#report(type, { kind: type, userId, factor: kind }, { factor_id: id, kind });
  }

  #report(type: AuditEvent["type"], news: OwnerNews, details: AuditEvent["details"] = null): Promise<void> {
    const { caller, report } = this.#parts;
    return report({ type, actorId: caller.actorId, details }, news, systemClock.now());
  }

  get #mayChange(): boolean {
    const { caller, factors, isClosed } = this.#parts;
    return (caller.hasProvedFactor || !factors.isStrong) && !isClosed(systemClock.now());
  }
}
