/**
 * The second factors of one user, in the user's object. What is sealed is opened first. Then one synchronous step judges
 * a proof and spends it: of any number of logins with the same code, one succeeds.
 */
import type { LimitRule } from "../config/limit-rules.ts";
import { earliest, type Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { createSecrets, type Secrets } from "../platform/crypto.ts";
import { isRefusal } from "../platform/refusal.ts";
import type { Factor, ProofKind } from "./factor.ts";
import { FactorAttempts } from "./factor-attempts.ts";
import { FactorRecords, type PasskeyFactor, type StoredFactor } from "./factor-records.ts";
import type { ImportedFactors } from "./imported-factors.ts";
import type { AuthenticationResponse } from "./passkeys/credential-json.ts";
import type { Expectation } from "./passkeys/expectation.ts";
import { verifyAssertion } from "./passkeys/verify-assertion.ts";
import { RecoveryCodes, recoveryCodeMacs } from "./recovery-codes.ts";
import { type SingleUse, SpentTokens } from "./spent-tokens.ts";
import { openSeeds, usedTotp } from "./totp-seeds.ts";

/** A code that a client sends to prove a second factor, and the user's factor key to check it with. */
export interface CodeProof {
  kind: "totp" | "recovery_code";
  code: string;
  key: string;
}

/** The use of a passkey, and what it must be. The challenge is spent with it. */
export interface PasskeyProof {
  kind: "passkey";
  response: AuthenticationResponse;
  expectation: Expectation & { challenge: SingleUse };
  userId: string;
}

/**
 * A new factor with which a user who must have one finishes a login: an authenticator app with its first code, or a
 * verified passkey. `macs` are those of the recovery codes.
 */
export type NewFactorProof =
  | { kind: "new_totp"; code: string; key: string; macs: readonly string[] }
  | { kind: "new_passkey"; passkey: NewPasskey; challenge: SingleUse; macs: readonly string[] };

export type FactorProof = CodeProof | PasskeyProof;

/**
 * `invalid`: the proof was wrong, or was used before. With `isUnknown`, the user has no such passkey. `spent`: the
 * login that waited for the proof has succeeded already, or the user who was to set up a first factor has one already.
 * `limited`: too many codes were wrong, and the next one is checked after `wait` milliseconds.
 */
export type FailedProof =
  | { outcome: "invalid"; isUnknown?: true }
  | { outcome: "spent" }
  | { outcome: "limited"; wait: number };

export interface ProvedFactor {
  outcome: "proved";
  kind: ProofKind;
  recoveryCodesLeft: number;
  /** The passkey's counter fell back, so there may be a copy of it. */
  hasCounterFallenBack?: boolean;
  /** The factor that this proof has added. */
  added?: Factor;
}

export type FactorVerdict = ProvedFactor | FailedProof;

/** Judges a proof, and spends it if it is right. */
export type Judge = (rule: LimitRule | undefined, now: number) => FactorVerdict;

export type Confirmation = { outcome: "confirmed"; factor: Factor; isFirst: boolean } | FailedProof;

/** What became of a new passkey. `known`: the authenticator has one already, or the challenge was used before. */
export type PasskeyAddition =
  | { outcome: "added"; factor: Factor; isFirst: boolean }
  | { outcome: "known" | "too_many" };

type NewPasskey = Pick<PasskeyFactor, "id" | "name" | "content">;

/** More than a person needs, and a bound on what an object stores. */
const MOST_FACTORS = 20;

export class SecondFactors implements Lapsing {
  readonly #records: FactorRecords;
  readonly #codes: RecoveryCodes;
  readonly #attempts: FactorAttempts;
  readonly #spent: SpentTokens;

  constructor(tables: LazyTables, kept: SyncKvStorage) {
    this.#records = new FactorRecords(tables);
    this.#codes = new RecoveryCodes(kept);
    this.#attempts = new FactorAttempts(kept);
    this.#spent = new SpentTokens(tables);
  }

  /** The factors in force, oldest first. */
  list(): Factor[] {
    return this.#records.list().map(withoutContent);
  }

  /** Since when the user has a second factor, in milliseconds since the epoch; `null` without one. */
  get since(): number | null {
    return this.#records.list()[0]?.createdAt ?? null;
  }

  get recoveryCodesLeft(): number {
    return this.#codes.left;
  }

  /** What can prove a second factor; empty if the user has none. */
  kinds(): ProofKind[] {
    const kinds = new Set<ProofKind>(this.#records.list().map(({ kind }) => kind));
    if (kinds.size > 0 && this.#codes.left > 0) kinds.add("recovery_code");
    return [...kinds];
  }

  /** Adds an authenticator app that is not in force until a code confirms it. `false` if the user has too many factors. */
  addTotp(factor: { id: string; name: string; sealedSeed: string }, now: number): boolean {
    const { id, name, sealedSeed } = factor;
    if (this.#records.list().length >= MOST_FACTORS) return false;
    this.#records.addUnconfirmed({ id, kind: "totp", name, createdAt: now, content: { sealedSeed, lastStep: 0 } });
    return true;
  }

  /**
   * Puts the authenticator app in force that waits for its first code. The code counts as used. `macs` are those of
   * recovery codes, which are kept if this is the first factor. `null` if `mayConfirm` says no, once the seed is open.
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

  /** Adds a passkey that was verified. Its challenge is spent. `macs` as for {@link confirm}. */
  addPasskey(passkey: NewPasskey, challenge: SingleUse, macs: readonly string[], now: number): PasskeyAddition {
    const factors = this.#records.list();
    const { credentialId } = passkey.content;
    if (this.#passkeyWith(credentialId) !== undefined || this.#spent.has(challenge)) return { outcome: "known" };
    if (factors.length >= MOST_FACTORS) return { outcome: "too_many" };
    const added = { ...passkey, kind: "passkey", createdAt: now, lastUsedAt: null } as const;
    this.#spent.add(challenge);
    this.#records.add(added);
    const isFirst = factors.length === 0;
    if (isFirst) this.#codes.replace(macs);
    return { outcome: "added", factor: withoutContent(added), isFirst };
  }

  /** Takes over imported factors. This object must have none. */
  adopt({ factors, recoveryMacs }: ImportedFactors): void {
    for (const factor of factors) this.#records.add(factor);
    this.#codes.replace(recoveryMacs);
  }

  /** What tells a browser which passkeys the user has. */
  passkeys(): { id: string; credentialId: string; transports: string[] }[] {
    return this.#passkeys().map(({ id, content: { credentialId, transports } }) => ({ id, credentialId, transports }));
  }

  /** Whether the factor with this id is the only passkey. */
  isLastPasskey(id: string): boolean {
    const passkeys = this.#passkeys();
    return passkeys.length === 1 && passkeys[0]?.id === id;
  }

  /**
   * Opens what it takes to judge a proof. Returns the judgement, which spends what was right, and with it `login`, the
   * login that waits for it.
   */
  async prepare(proof: FactorProof | NewFactorProof, login?: SingleUse): Promise<Judge> {
    switch (proof.kind) {
      case "passkey":
        return this.#preparePasskey(proof, login);
      case "new_totp":
        return this.#prepareNewTotp(proof, login);
      case "new_passkey":
        return this.#prepareNewPasskey(proof, login);
      default:
        return this.#prepareCode(proof, login);
    }
  }

  async #prepareCode({ kind, code, key }: CodeProof, login: SingleUse | undefined): Promise<Judge> {
    const secrets = createSecrets(key);
    const seeds = await openSeeds(kind === "totp" ? this.#records.list() : [], secrets);
    return (rule, now) => {
      if (login !== undefined && this.#spent.has(login)) return { outcome: "spent" };
      return this.#judge(rule, now, () => {
        const isRight = kind === "totp" ? this.#useTotp(seeds, code, now) : this.#useRecoveryCode(code, secrets);
        if (!isRight) return undefined;
        if (login !== undefined) this.#spent.add(login);
        return { outcome: "proved", kind, recoveryCodesLeft: this.#codes.left };
      });
    };
  }

  async #preparePasskey({ response, expectation, userId }: PasskeyProof, login: SingleUse | undefined): Promise<Judge> {
    const used = this.#passkeyWith(response.id);
    const verified = used && (await verifyAssertion(response, { ...used.content, userId }, expectation));
    return (_, now) => {
      if (login !== undefined && this.#spent.has(login)) return { outcome: "spent" };
      const spent = [expectation.challenge, ...(login === undefined ? [] : [login])];
      // Read again: it may have been used or removed meanwhile.
      const factor = this.#passkeyWith(response.id);
      if (factor === undefined) return { outcome: "invalid", isUnknown: true };
      if (verified === undefined || isRefusal(verified)) return { outcome: "invalid" };
      if (spent.some((token) => this.#spent.has(token))) return { outcome: "invalid" };
      for (const token of spent) this.#spent.add(token);
      const { isBackedUp, isBackupEligible, hasCounterFallenBack } = verified;
      // The highest one stays, so that a copy is noticed again.
      const counter = Math.max(verified.counter, factor.content.counter);
      const content = { ...factor.content, counter, isBackedUp, isBackupEligible };
      this.#records.use({ id: factor.id, content }, now);
      return { outcome: "proved", kind: "passkey", recoveryCodesLeft: this.#codes.left, hasCounterFallenBack };
    };
  }

  async #prepareNewTotp(proof: NewFactorProof & { kind: "new_totp" }, login: SingleUse | undefined): Promise<Judge> {
    const confirm = await this.#prepareConfirmation(proof, proof.macs);
    return (rule, now) => this.#enrol(login, () => confirm(rule, now));
  }

  async #prepareNewPasskey(
    { passkey, challenge, macs }: NewFactorProof & { kind: "new_passkey" },
    login: SingleUse | undefined,
  ): Promise<Judge> {
    return (_, now) => this.#enrol(login, () => this.addPasskey(passkey, challenge, macs, now));
  }

  /** Adds the user's first factor, and spends the login that waits for it. */
  #enrol(login: SingleUse | undefined, add: () => Confirmation | PasskeyAddition): FactorVerdict {
    if (login === undefined || this.#spent.has(login) || this.since !== null) return { outcome: "spent" };
    const addition = add();
    if (!("factor" in addition)) return addition.outcome === "limited" ? addition : { outcome: "invalid" };
    const { factor: added } = addition;
    this.#spent.add(login);
    return { outcome: "proved", kind: added.kind, recoveryCodesLeft: this.#codes.left, added };
  }

  /**
   * Opens the seed of the authenticator app that waits for its first code. Returns a function that judges the code and
   * puts the app in force.
   */
  async #prepareConfirmation({ code, key }: Omit<CodeProof, "kind">, macs: readonly string[]) {
    // This also finds an app whose time has expired. The function below leaves it out.
    const waiting = this.#records.findUnconfirmed(0);
    const seeds = await openSeeds(waiting === undefined ? [] : [waiting], createSecrets(key));
    return (rule: LimitRule | undefined, now: number) =>
      this.#judge(rule, now, (): Exclude<Confirmation, FailedProof> | undefined => {
        // Read again: it may have been confirmed or replaced meanwhile.
        const left = this.#records.findUnconfirmed(now);
        const used = left && usedTotp([left], seeds, code, now);
        if (used === undefined) return undefined;
        const others = this.#records.list().length;
        if (others >= MOST_FACTORS) return undefined;
        const isFirst = others === 0;
        this.#records.use(used, now);
        this.#records.confirm(used.id);
        if (isFirst) this.#codes.replace(macs);
        return { outcome: "confirmed", factor: withoutContent(used), isFirst };
      });
  }

  /** Spends a link that the user logs in with. `false` if it was spent before. */
  spend(link: SingleUse): boolean {
    const isUnused = !this.#spent.has(link);
    if (isUnused) this.#spent.add(link);
    return isUnused;
  }

  /** The renamed factor; `undefined` if there is none with this id. */
  rename(id: string, name: string): Factor | undefined {
    const factor = this.#find(id);
    if (factor !== undefined) this.#records.rename(id, name);
    return factor && { ...factor, name };
  }

  /**
   * The removed factor; `undefined` if there is none with this id. `"last"` if it is the last one and `keepsLast`. With
   * the last factor, the recovery codes are removed too.
   */
  remove(id: string, keepsLast: boolean): Factor | "last" | undefined {
    const factor = this.#find(id);
    if (factor !== undefined && keepsLast && this.#records.list().length === 1) return "last";
    if (factor !== undefined) this.#records.delete(id);
    if (this.#records.list().length === 0) this.#codes.forget();
    return factor;
  }

  removeAll(): void {
    this.#records.deleteAll();
    this.#codes.forget();
    this.#attempts.forget();
  }

  /** The codes before are void. `false` if the user has no factor that codes could stand in for. */
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

  /** Judges a code, unless too many were wrong. `use` returns `undefined` for a wrong one. */
  #judge<Right>(rule: LimitRule | undefined, now: number, use: () => Right | undefined): Right | FailedProof {
    const wait = rule === undefined ? 0 : this.#attempts.wait(now);
    if (wait > 0) return { outcome: "limited", wait };
    const right = use();
    if (right !== undefined) this.#attempts.forget();
    else if (rule !== undefined) this.#attempts.countWrong(rule, now);
    return right ?? { outcome: "invalid" };
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

  #passkeys(): PasskeyFactor[] {
    return this.#records.list().filter((factor) => factor.kind === "passkey");
  }

  #passkeyWith(credentialId: string): PasskeyFactor | undefined {
    return this.#passkeys().find(({ content }) => content.credentialId === credentialId);
  }

  #find(id: string): Factor | undefined {
    return this.list().find((factor) => factor.id === id);
  }
}

function withoutContent({ content: _, ...factor }: StoredFactor): Factor {
  return factor;
}
