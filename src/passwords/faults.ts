/** What can be wrong with a new password: a closed set of codes, each with a message on how to fix it. */
import { codePointLength } from "../platform/encoding.ts";
import { namesOf } from "../platform/records.ts";

/** `{…}` is a length, or the name of the product. */
const MESSAGES = {
  too_short: "Use at least {…} characters. A few unrelated words are easy to remember and hard to guess.",
  too_long: "Use {…} characters or fewer.",
  invalid: "The password contains a character that cannot be used (a lone surrogate). Enter it again.",
  contains_email:
    "Your password contains part of your email address, which makes it easy to guess. Use a few words unrelated to you.",
  contains_username:
    "Your password contains your username, which makes it easy to guess. Use a few words unrelated to you.",
  contains_product_name:
    "Your password contains the name {…}, which makes it easy to guess. Use a few unrelated words.",
  too_common: "This password is too common. Use a few unrelated words.",
  breached:
    "This password has appeared in a data breach (source: haveibeenpwned.com). Choose another, and change it anywhere else you use it.",
};

export type FaultCode = keyof typeof MESSAGES;

export const FAULT_CODES = namesOf(MESSAGES);

export interface PasswordFault {
  code: FaultCode;
  message: string;
}

/** A fault with its message, in which `value` is filled in. */
export function passwordFault(code: FaultCode, value: string | number = ""): PasswordFault {
  return { code, message: MESSAGES[code].replace("{…}", () => String(value)) };
}

/** In code points, as in NIST SP 800-63B-4 §3.1.1.2. */
export interface Lengths {
  minimumLength: number;
  maximumLength: number;
}

/** The faults of length and encoding, which are checked before anything else. */
export function shapeFaults(password: string, { minimumLength, maximumLength }: Lengths): PasswordFault[] {
  if (codePointLength(password) > maximumLength) return [passwordFault("too_long", maximumLength)];
  if (!password.isWellFormed()) return [passwordFault("invalid")];
  const isShort = codePointLength(password.normalize("NFC")) < minimumLength;
  return isShort ? [passwordFault("too_short", minimumLength)] : [];
}
