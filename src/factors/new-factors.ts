/**
 * Adds second factors of one user, in the user's object. If a code must be checked, the seed is opened first, which is
 * asynchronous. Then one synchronous step checks the proof of the new factor and adds the factor, so no other call can
 * run in between.
 */
import type { LimitRule } from "../config/limit-rules.ts";
import { createSecrets } from "../platform/crypto.ts";
import { type Factor, isStrong } from "./factor.ts";
import type { FactorAttempts } from "./factor-attempts.ts";
import type {
  CodeProof,
  Confirmation,
  FactorVerdict,
  FailedProof,
  Judge,
  NewFactorProof,
  NewPasskey,
  PasskeyAddition,
} from "./factor-proofs.ts";
import { type FactorRecords, withoutContent } from "./factor-records.ts";
import type { ImportedFactors } from "./imported-factors.ts";
import type { RecoveryCodes } from "./recovery-codes.ts";
import type { SingleUse, SpentTokens } from "./spent-tokens.ts";
import { openSeeds, usedTotp } from "./totp-seeds.ts";

/** More than a person needs. Limits how much an object stores. */
const MOST_FACTORS = 20;

/** Where the user's factors are kept. */
interface FactorStores {
  records: FactorRecords;
  codes: RecoveryCodes;
  attempts: FactorAttempts;
  spent: SpentTokens;
}

export class NewFactors {
  readonly #records: FactorRecords;
  readonly #codes: RecoveryCodes;
  readonly #attempts: FactorAttempts;
  readonly #spent: SpentTokens;

  constructor({ records, codes, attempts, spent }: FactorStores) {
    this.#records = records;
    this.#codes = codes;
    this.#attempts = attempts;
    this.#spent = spent;
  }

  /**
   * Adds an authenticator app, which becomes active when a code confirms it. Returns `false` if the user has too many
   * factors.
   */
  addTotp(factor: { id: string; name: string; sealedSeed: string }, now: number): boolean {
    const { id, name, sealedSeed } = factor;
    if (this.#records.list().length >= MOST_FACTORS) return false;
    this.#records.addUnconfirmed({ id, kind: "totp", name, createdAt: now, content: { sealedSeed, lastStep: 0 } });
    return true;
  }

  /**
   * Activates the authenticator app that waits for its first code. The code counts as used. `macs` are the MACs of new
   * recovery codes. They are stored if the user had no factor, or only codes by email. Returns `null` if `mayConfirm`
   * returns `false` after the seed was opened.
   */
  async confirm(
    proof: CodeProof,
    macs: readonly string[],
    { rule, time, mayConfirm }: { rule: LimitRule | undefined; time: () => number; mayConfirm: () => boolean },
  ) {
    const confirm = await this.#prepareConfirmation(proof, macs);
    const now = time();
    return mayConfirm() ? confirm(rule, now) : null;
  }

  /**
   * Adds a verified passkey, and marks its challenge as used. `macs` as for {@link confirm}. Like an authenticator app,
   * the passkey replaces codes by email and the recovery codes that came with them, because the password and the
   * mailbox were enough to create those recovery codes.
   */
  addPasskey(passkey: NewPasskey, challenge: SingleUse, macs: readonly string[], now: number): PasskeyAddition {
    const factors = this.#records.list();
    const { credentialId } = passkey.content;
    if (this.#records.passkeyWith(credentialId) !== undefined || this.#spent.has(challenge))
      return { outcome: "known" };
    if (factors.length >= MOST_FACTORS) return { outcome: "too_many" };
    const added = { ...passkey, kind: "passkey", createdAt: now, lastUsedAt: null } as const;
    const isFirst = !factors.some(isStrong);
    this.#spent.add(challenge);
    this.#records.deleteEmail();
    this.#records.add(added);
    if (isFirst) this.#codes.replace(macs);
    return { outcome: "added", factor: withoutContent(added), isFirst };
  }

  /**
   * Turns on codes by email. Returns `undefined` if the user already has a factor, because codes by email are only for
   * users without another factor.
   */
  addEmail({ id, name }: Pick<Factor, "id" | "name">, macs: readonly string[], now: number): Factor | undefined {
    if (this.#records.list().length > 0) return undefined;
    const added = { id, kind: "email", name, createdAt: now, lastUsedAt: null, content: {} } as const;
    this.#records.add(added);
    this.#codes.replace(macs);
    return withoutContent(added);
  }

  /** Stores imported factors. Call it only if this object has no factors. */
  adopt({ factors, recoveryMacs }: ImportedFactors): void {
    for (const factor of factors) this.#records.add(factor);
    this.#codes.replace(recoveryMacs);
  }

  /** Like `SecondFactors.prepare`, for a user who must have a factor and has none. */
  async prepareFirst(proof: NewFactorProof, login: SingleUse | undefined): Promise<Judge> {
    return proof.kind === "new_totp" ? this.#prepareTotp(proof, login) : this.#preparePasskey(proof, login);
  }

  async #prepareTotp(proof: NewFactorProof & { kind: "new_totp" }, login: SingleUse | undefined): Promise<Judge> {
    const confirm = await this.#prepareConfirmation(proof, proof.macs);
    return (rule, now) => this.#enrol(login, () => confirm(rule, now));
  }

  async #preparePasskey(
    { passkey, challenge, macs }: NewFactorProof & { kind: "new_passkey" },
    login: SingleUse | undefined,
  ): Promise<Judge> {
    return (_, now) => this.#enrol(login, () => this.addPasskey(passkey, challenge, macs, now));
  }

  /** Adds the user's first factor. Marks the pending login as used, because the new factor completes this login. */
  #enrol(login: SingleUse | undefined, add: () => Confirmation | PasskeyAddition): FactorVerdict {
    if (login === undefined || this.#spent.has(login) || this.#records.list().length > 0) return { outcome: "spent" };
    const addition = add();
    if (!("factor" in addition)) return addition.outcome === "limited" ? addition : { outcome: "invalid" };
    const { factor: added } = addition;
    this.#spent.add(login);
    return { outcome: "proved", kind: added.kind, recoveryCodesLeft: this.#codes.left, added };
  }

  /**
   * Opens the seed of the authenticator app that waits for its first code. Returns a function that checks the code and
   * activates the app.
   */
  async #prepareConfirmation({ code, key }: Omit<CodeProof, "kind">, macs: readonly string[]) {
    // With 0, this also finds an app whose time for confirmation is over. The function below gets the real time, and
    // ignores such an app.
    const waiting = this.#records.findUnconfirmed(0);
    const seeds = await openSeeds(waiting === undefined ? [] : [waiting], createSecrets(key));
    return (rule: LimitRule | undefined, now: number) =>
      this.#attempts.judge(rule, now, (): Exclude<Confirmation, FailedProof> | undefined => {
        // Read again: another call may have confirmed or replaced the app meanwhile.
        const left = this.#records.findUnconfirmed(now);
        const used = left && usedTotp([left], seeds, code, now);
        if (used === undefined) return undefined;
        const others = this.#records.list();
        if (others.length >= MOST_FACTORS) return undefined;
        const isFirst = !others.some(isStrong);
        this.#records.deleteEmail();
        this.#records.use(used, now);
        this.#records.confirm(used.id);
        if (isFirst) this.#codes.replace(macs);
        return { outcome: "confirmed", factor: withoutContent(used), isFirst };
      });
  }
}
