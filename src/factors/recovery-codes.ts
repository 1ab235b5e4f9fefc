/**
 * Recovery codes: a user who has lost every other factor logs in with one of them. A code has 80 random bits, so a fast
 * MAC is enough to store it (NIST SP 800-63B-4 §3.1.2.2).
 */
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase32, encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

const HOW_MANY = 10;
const BYTES = 10;
const PURPOSE = "recovery-code";

const MACS = "recovery_codes";

/** New codes, as their owner sees them once: four groups of four letters and digits. */
export function createRecoveryCodes(random: Random): string[] {
  return Array.from({ length: HOW_MANY }, () =>
    (encodeBase32(random.bytes(BYTES)).toLowerCase().match(/.{4}/g) ?? []).join("-"),
  );
}

/** What is stored of a code. Hyphens don't count. */
export function recoveryCodeMac(code: string, secrets: Secrets): string {
  return encodeBase64url(secrets.sign(PURPOSE, utf8(code.replaceAll("-", ""))));
}

/** The MACs of the codes that are left, in the storage of the user's object. */
export class RecoveryCodes {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  get left(): number {
    return this.#macs.length;
  }

  /** The codes before are void. */
  replace(macs: readonly string[]): void {
    this.#kept.put(MACS, [...macs]);
  }

  /** Spends a code. `false` if it is not one of those that are left. */
  spend(mac: string): boolean {
    const others = this.#macs.filter((kept) => kept !== mac);
    const isSpent = others.length < this.left;
    if (isSpent) this.#kept.put(MACS, others);
    return isSpent;
  }

  forget(): void {
    this.#kept.delete(MACS);
  }

  get #macs(): string[] {
    return this.#kept.get<string[]>(MACS) ?? [];
  }
}
