/**
 * Recovery codes: a user who has lost every other factor logs in with one of these codes. A code that this service
 * creates has 80 random bits, so a fast keyed hash, a MAC, is enough to store it (NIST SP 800-63B-4 §3.1.2.2).
 */
import { type Secrets, sha256 } from "../platform/crypto.ts";
import { encodeBase32, encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

const HOW_MANY = 10;
const BYTES = 10;
const PURPOSE = "recovery-code";
const HASH_PURPOSE = "recovery-code-hash";

const MACS = "recovery_codes";

/** Returns new codes. Their owner sees them only once, as four groups of four letters and digits. */
export function createRecoveryCodes(random: Random): string[] {
  return Array.from({ length: HOW_MANY }, () =>
    (encodeBase32(random.bytes(BYTES)).toLowerCase().match(/.{4}/g) ?? []).join("-"),
  );
}

/** The MAC to store for a code. Ignores case, spaces and hyphens. */
export function recoveryCodeMac(code: string, secrets: Secrets): string {
  return encodeBase64url(secrets.sign(PURPOSE, utf8(bareCode(code))));
}

/** The MAC to store for an imported code of which only the SHA-256 is known. */
export function hashedCodeMac(hash: Uint8Array, secrets: Secrets): string {
  return encodeBase64url(secrets.sign(HASH_PURPOSE, hash));
}

/**
 * All MACs that may be stored for a typed code. A service from which codes were imported may have hashed each code with
 * or without its spaces and hyphens, and in capital or small letters.
 */
export function recoveryCodeMacs(typed: string, secrets: Secrets): string[] {
  const forms = [typed, bareCode(typed)].flatMap((form) => [form, form.toLowerCase(), form.toUpperCase()]);
  return [recoveryCodeMac(typed, secrets), ...forms.map((form) => hashedCodeMac(sha256(utf8(form)), secrets))];
}

/** A code in small letters, without spaces and hyphens. */
export function bareCode(code: string): string {
  return code.replace(/[\s-]/g, "").toLowerCase();
}

/** The MACs of the codes that were not used yet, in the storage of the user's object. */
export class RecoveryCodes {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  get left(): number {
    return this.#macs.length;
  }

  /** Stores the MACs of new codes. The earlier codes stop working. */
  replace(macs: readonly string[]): void {
    this.#kept.put(MACS, [...macs]);
  }

  /** Removes the unused code that has one of these MACs. Returns `false` if there is no such code. */
  spend(macs: readonly string[]): boolean {
    const others = this.#macs.filter((kept) => !macs.includes(kept));
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
