/**
 * The rules for new passwords (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 6.2), the same wherever a password is set. Only the
 * minimum length depends on whether the owner must have a second factor. The local rules come first, then the check for
 * breaches. The rules need no scrypt, and read only the list of common passwords from storage.
 */
import type { Config } from "../config/config.ts";
import { isRefusal, type Refusal, refuse } from "../platform/refusal.ts";
import type { Breaches } from "./breaches.ts";
import type { IsCommonPassword } from "./common-passwords.ts";
import { containsWord, wordsOfEmail } from "./context-words.ts";
import { type Lengths, type PasswordFault, passwordFault, shapeFaults } from "./faults.ts";

/** What is known about the user who will have the password. */
export interface PasswordOwner {
  email?: string | undefined;
  username?: string | undefined;
}

interface PasswordCheck {
  /** Empty if the password may be set. */
  faults: PasswordFault[];
  /** Whether the list of breaches did not answer. */
  breachesUnknown: boolean;
}

export type PasswordQuality = ReturnType<typeof createPasswordQuality>;

export type QualityRules = Lengths & Pick<Config["passwords"], "breachCheck">;

/** The lists in which passwords are looked up. */
interface Lists {
  isCommon: IsCommonPassword;
  breaches: Breaches;
}

export function createPasswordQuality(rules: QualityRules, productName: string, { isCommon, breaches }: Lists) {
  /** `unavailable` if the configuration requires the check for breaches and the list does not answer. */
  async function checkPassword(
    password: string,
    owner: PasswordOwner,
    minimumLength = rules.minimumLength,
  ): Promise<PasswordCheck | Refusal<"unavailable">> {
    const faults = await localFaults(password, owner, minimumLength);
    // A password that is refused anyway does not need to be checked by another service.
    if (faults.length > 0 || rules.breachCheck === "off") return { faults, breachesUnknown: false };
    const hasLeaked = await breaches.know(password);
    if (hasLeaked === undefined && rules.breachCheck === "required") return refuse("unavailable");
    return { faults: hasLeaked ? [passwordFault("breached")] : [], breachesUnknown: hasLeaked === undefined };
  }

  /** The faults that can be found without another service. */
  async function localFaults(password: string, owner: PasswordOwner, minimumLength: number): Promise<PasswordFault[]> {
    const faults = shapeFaults(password, { ...rules, minimumLength });
    if (faults.some(({ code }) => code !== "too_short")) return faults;
    const emailWords = owner.email === undefined ? [] : wordsOfEmail(owner.email);
    if (emailWords.some((word) => containsWord(password, word))) faults.push(passwordFault("contains_email"));
    if (owner.username !== undefined && containsWord(password, owner.username))
      faults.push(passwordFault("contains_username"));
    if (containsWord(password, productName)) faults.push(passwordFault("contains_product_name", productName));
    if (await isCommon(password)) faults.push(passwordFault("too_common"));
    return faults;
  }

  return {
    check: checkPassword,
    /**
     * Refuses an unacceptable password with `validation_failed`, and names the `field` that contained it. For an
     * acceptable password, returns `details` for the audit event of the change. `minimumLength`: the minimum for this
     * owner, if the caller knows it.
     */
    async require(field: string, password: string, owner: PasswordOwner, minimumLength?: number) {
      const check = await checkPassword(password, owner, minimumLength);
      if (isRefusal(check)) return check;
      const errors = check.faults.map((fault) => ({ field, ...fault }));
      if (errors.length > 0) return refuse("validation_failed", { errors });
      return check.breachesUnknown ? { details: { breach_check: "unavailable" } } : {};
    },
  };
}
