/** The calls of a user's object that concern the user's factors. */
import { RpcTarget } from "cloudflare:workers";
import type { LimitRule } from "../config/limit-rules.ts";
import { systemClock } from "../platform/clock.ts";
import type { Factor } from "./factor.ts";
import type { KnownPasskey } from "./passkeys/options.ts";
import type { RegisteredPasskey } from "./passkeys/verify-registration.ts";
import type { CodeProof, Confirmation, PasskeyAddition, SecondFactors } from "./second-factors.ts";
import type { SingleUse } from "./spent-tokens.ts";

export interface FactorList {
  items: Factor[];
  recoveryCodesLeft: number;
}

interface Parts {
  factors: SecondFactors;
  hasProvedFactor: boolean;
  /** Whether the user has been deleted. */
  isClosed(now: number): boolean;
  /** Sets the object's alarm, if it is not due earlier. */
  armFor(time: number): Promise<void>;
  /** Tells D1 whether the user has a second factor. */
  tellDirectory(userId: string, now: number): Promise<void>;
}

/** What changes factors returns `null` if the user has one and the caller has not proved it: D1 may not know of it yet. */
export class UserFactors extends RpcTarget {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
  }

  async list(): Promise<FactorList> {
    const { factors } = this.#parts;
    return { items: factors.list(), recoveryCodesLeft: factors.recoveryCodesLeft };
  }

  /** `false` if the user has too many factors. */
  async addTotp(factor: { id: string; name: string; sealedSeed: string }): Promise<boolean | null> {
    if (!this.#mayChange) return null;
    const isAdded = this.#parts.factors.addTotp(factor, systemClock.now());
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
    const confirmation = await this.#parts.factors.confirm(proof, recoveryMacs, rule, systemClock.now);
    if (confirmation.outcome === "confirmed") await this.#tellDirectory(userId);
    return confirmation;
  }

  async passkeys(): Promise<KnownPasskey[]> {
    return this.#parts.factors.passkeys();
  }

  async addPasskey(
    userId: string,
    passkey: { id: string; name: string; content: RegisteredPasskey },
    challenge: SingleUse,
    recoveryMacs: readonly string[],
  ): Promise<PasskeyAddition | null> {
    if (!this.#mayChange) return null;
    const { factors } = this.#parts;
    const addition = factors.addPasskey(passkey, challenge, recoveryMacs, systemClock.now());
    if (addition.outcome === "added") await this.#tellDirectory(userId);
    await this.#armForLapse();
    return addition;
  }

  async rename(id: string, name: string): Promise<Factor | undefined> {
    return this.#parts.factors.rename(id, name);
  }

  async remove(userId: string, id: string): Promise<Factor | undefined | null> {
    if (!this.#mayChange) return null;
    const factor = this.#parts.factors.remove(id);
    if (factor !== undefined) await this.#tellDirectory(userId);
    return factor;
  }

  async removeAll(userId: string): Promise<void> {
    this.#parts.factors.removeAll();
    await this.#tellDirectory(userId);
  }

  async replaceRecoveryCodes(macs: readonly string[]): Promise<boolean | null> {
    if (!this.#mayChange) return null;
    return this.#parts.factors.replaceRecoveryCodes(macs);
  }

  async #armForLapse(): Promise<void> {
    const lapse = this.#parts.factors.nextLapse();
    if (lapse !== undefined) await this.#parts.armFor(lapse);
  }

  #tellDirectory(userId: string): Promise<void> {
    return this.#parts.tellDirectory(userId, systemClock.now());
  }

  get #mayChange(): boolean {
    const { factors, hasProvedFactor, isClosed } = this.#parts;
    return (hasProvedFactor || factors.since === null) && !isClosed(systemClock.now());
  }
}
