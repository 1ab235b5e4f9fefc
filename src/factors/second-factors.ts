/**
 * The second factors of one user, in the user's object. Asynchronous work, such as opening seeds, comes first. Then one
 * synchronous step checks a proof and marks it as used. So if several logins use the same code, only one succeeds.
 */
import { earliest, type Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { createSecrets, type Secrets } from "../platform/crypto.ts";
import { isRefusal } from "../platform/refusal.ts";
import { isEmailCode } from "./email-code.ts";
import { type Factor, isEmailAlone, isStrong, type ProofKind } from "./factor.ts";
import { FactorAttempts } from "./factor-attempts.ts";
import type { CodeProof, FactorProof, Judge, NewFactorProof, PasskeyProof } from "./factor-proofs.ts";
import { FactorRecords, withoutContent } from "./factor-records.ts";
import { NewFactors } from "./new-factors.ts";
import { verifyAssertion } from "./passkeys/verify-assertion.ts";
import { RecoveryCodes, recoveryCodeMacs } from "./recovery-codes.ts";
import { type SingleUse, SpentTokens } from "./spent-tokens.ts";
import { openSeeds, usedTotp } from "./totp-seeds.ts";

export class SecondFactors implements Lapsing {
  /** Adds factors. */
  readonly additions: NewFactors;
  readonly #records: FactorRecords;
  readonly #codes: RecoveryCodes;
  readonly #attempts: FactorAttempts;
  readonly #spent: SpentTokens;

  constructor(tables: LazyTables, kept: SyncKvStorage) {
    this.#records = new FactorRecords(tables);
    this.#codes = new RecoveryCodes(kept);
    this.#attempts = new FactorAttempts(kept);
    this.#spent = new SpentTokens(tables);
    const stores = { records: this.#records, codes: this.#codes, attempts: this.#attempts, spent: this.#spent };
    this.additions = new NewFactors(stores);
  }

  /** The active factors, oldest first. */
  list(): Factor[] {
    return this.#records.list().map(withoutContent);
  }

  /** When the oldest active factor was added, in milliseconds since the epoch; `null` if there is none. */
  get since(): number | null {
    return this.#records.list()[0]?.createdAt ?? null;
  }

  get recoveryCodesLeft(): number {
    return this.#codes.left;
  }

  /** Whether the user has a factor other than codes by email. */
  get isStrong(): boolean {
    return this.#records.list().some(isStrong);
  }

  /** What can prove a second factor; empty if the user has none. */
  kinds(): ProofKind[] {
    const factors = this.#records.list();
    const kinds = new Set<ProofKind>(factors.map(({ kind }) => kind));
    // An object of an earlier release may have added a stronger factor without removing codes by email.
    if (factors.some(isStrong)) kinds.delete("email");
    if (kinds.size > 0 && this.#codes.left > 0) kinds.add("recovery_code");
    return [...kinds];
  }

  /** The user's passkeys, with what a browser needs to recognize them. */
  passkeys(): { id: string; credentialId: string; transports: string[] }[] {
    return this.#records
      .passkeys()
      .map(({ id, content: { credentialId, transports } }) => ({ id, credentialId, transports }));
  }

  /** Whether the factor with this id is the only passkey. */
  isLastPasskey(id: string): boolean {
    const passkeys = this.#records.passkeys();
    return passkeys.length === 1 && passkeys[0]?.id === id;
  }

  /**
   * Does the asynchronous work for checking a proof. Returns a synchronous function that checks the proof. If the proof
   * is right, this function marks the proof and `login`, the pending login that it completes, as used.
   */
  async prepare(proof: FactorProof | NewFactorProof, login?: SingleUse): Promise<Judge> {
    switch (proof.kind) {
      case "passkey":
        return this.#preparePasskey(proof, login);
      case "new_totp":
      case "new_passkey":
        return this.additions.prepareFirst(proof, login);
      default:
        return this.#prepareCode(proof, login);
    }
  }

  async #prepareCode({ kind, code, key }: CodeProof, login: SingleUse | undefined): Promise<Judge> {
    const secrets = createSecrets(key);
    const seeds = await openSeeds(kind === "totp" ? this.#records.list() : [], secrets);
    const use = {
      totp: (now: number) => this.#useTotp(seeds, code, now),
      recovery_code: () => this.#useRecoveryCode(code, secrets),
      email: (now: number) => login !== undefined && this.#useEmailCode(login, code, secrets, now),
    };
    return (rule, now) => {
      if (login !== undefined && this.#spent.has(login)) return { outcome: "spent" };
      return this.#attempts.judge(rule, now, () => {
        if (!use[kind](now)) return undefined;
        if (login !== undefined) this.#spent.add(login);
        return { outcome: "proved", kind, recoveryCodesLeft: this.#codes.left };
      });
    };
  }

  async #preparePasskey({ response, expectation, userId }: PasskeyProof, login: SingleUse | undefined): Promise<Judge> {
    const used = this.#records.passkeyWith(response.id);
    const verified = used && (await verifyAssertion(response, { ...used.content, userId }, expectation));
    return (_, now) => {
      if (login !== undefined && this.#spent.has(login)) return { outcome: "spent" };
      const spent = [expectation.challenge, ...(login === undefined ? [] : [login])];
      // Read again: another call may have used or removed the passkey meanwhile.
      const factor = this.#records.passkeyWith(response.id);
      if (factor === undefined) return { outcome: "invalid", isUnknown: true };
      if (verified === undefined || isRefusal(verified)) return { outcome: "invalid" };
      if (spent.some((token) => this.#spent.has(token))) return { outcome: "invalid" };
      for (const token of spent) this.#spent.add(token);
      const { isBackedUp, isBackupEligible, hasCounterFallenBack } = verified;
      // Keep the higher counter, so that the next use of a copied passkey is noticed too.
      const counter = Math.max(verified.counter, factor.content.counter);
      const content = { ...factor.content, counter, isBackedUp, isBackupEligible };
      this.#records.use({ id: factor.id, content }, now);
      return { outcome: "proved", kind: "passkey", recoveryCodesLeft: this.#codes.left, hasCounterFallenBack };
    };
  }

  /** Marks the emailed link of a login as used. Returns `false` if the link was already used. */
  spend(link: SingleUse): boolean {
    const isUnused = !this.#spent.has(link);
    if (isUnused) this.#spent.add(link);
    return isUnused;
  }

  /** Returns the renamed factor; `undefined` if there is none with this id. */
  rename(id: string, name: string): Factor | undefined {
    const factor = this.#find(id);
    if (factor !== undefined) this.#records.rename(id, name);
    return factor && { ...factor, name };
  }

  /**
   * Returns the removed factor; `undefined` if there is none with this id. If `keepsLast` is set and no factor except
   * codes by email would be left, removes nothing and returns `"last"`. If no factor is left, also removes the recovery
   * codes.
   */
  remove(id: string, keepsLast: boolean): Factor | "last" | undefined {
    const factor = this.#find(id);
    const others = this.#records.list().filter((other) => other.id !== id);
    if (factor !== undefined && keepsLast && !others.some(isStrong)) return "last";
    if (factor !== undefined) this.#records.delete(id);
    if (this.#records.list().length === 0) this.#codes.forget();
    return factor;
  }

  removeAll(): void {
    this.#records.deleteAll();
    this.#codes.forget();
    this.#attempts.forget();
  }

  /**
   * Replaces the recovery codes. The earlier codes stop working. Returns `false` and stores nothing if the user has no
   * factor.
   */
  replaceRecoveryCodes(macs: readonly string[]): boolean {
    const isUseful = this.#records.list().length > 0;
    if (isUseful) this.#codes.replace(macs);
    return isUseful;
  }

  dropLapsed(now: number): void {
    this.#records.dropLapsed(now);
    this.#spent.dropLapsed(now);
  }

  nextLapse(): number | undefined {
    return earliest([this.#records.nextLapse(), this.#spent.nextLapse()]);
  }

  #useTotp(seeds: Awaited<ReturnType<typeof openSeeds>>, code: string, now: number): boolean {
    // Read again: a factor may have been used or removed while the seeds were opened.
    const used = usedTotp(this.#records.list(), seeds, code, now);
    if (used !== undefined) this.#records.use(used, now);
    return used !== undefined;
  }

  #useRecoveryCode(code: string, secrets: Secrets): boolean {
    return this.#records.list().length > 0 && this.#codes.spend(recoveryCodeMacs(code, secrets));
  }

  /**
   * The code works once, because the caller then marks the login as used. The user's object forgets this mark when the
   * login has expired by the object's clock. So this method refuses the code from the same moment, by the same clock.
   */
  #useEmailCode(login: SingleUse, code: string, secrets: Secrets, now: number): boolean {
    const factors = this.#records.list();
    const isRight = isEmailAlone(factors) && now < login.expiresAt && isEmailCode(code, login.id, secrets);
    if (isRight) for (const factor of factors) this.#records.use(factor, now);
    return isRight;
  }

  #find(id: string): Factor | undefined {
    return this.list().find((factor) => factor.id === id);
  }
}
