/** What can be wrong with a new password: a closed set of codes, each with a message on how to fix it. */
import { codePointLength } from "../platform/encoding.ts";

export const FAULT_CODES = [
  "too_short",
  "too_long",
  "invalid",
  "contains_email",
  "contains_username",
  "contains_product_name",
  "too_common",
  "breached",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

export interface PasswordFault {
  code: FaultCode;
  message: string;
}

/** In code points, as in NIST SP 800-63B-4 §3.1.1.2. */
export interface Lengths {
  minimumLength: number;
  maximumLength: number;
}

export const tooShort = ({ minimumLength }: Pick<Lengths, "minimumLength">): PasswordFault => ({
  code: "too_short",
  message: `Use at least ${minimumLength} characters. A few unrelated words are easy to remember and hard to guess.`,
});

export const tooLong = ({ maximumLength }: Pick<Lengths, "maximumLength">): PasswordFault => ({
  code: "too_long",
  message: `Use ${maximumLength} characters or fewer.`,
});

export const HALF_A_CHARACTER: PasswordFault = {
  code: "invalid",
  message: "The password contains a character that cannot be used (a lone surrogate). Enter it again.",
};

export const CONTAINS_EMAIL: PasswordFault = {
  code: "contains_email",
  message:
    "Your password contains part of your email address, which makes it easy to guess. Use a few words unrelated to you.",
};

export const CONTAINS_USERNAME: PasswordFault = {
  code: "contains_username",
  message: "Your password contains your username, which makes it easy to guess. Use a few words unrelated to you.",
};

export const containsProductName = (productName: string): PasswordFault => ({
  code: "contains_product_name",
  message: `Your password contains the name ${productName}, which makes it easy to guess. Use a few unrelated words.`,
});

export const TOO_COMMON: PasswordFault = {
  code: "too_common",
  message: "This password is too common. Use a few unrelated words.",
};

export const BREACHED: PasswordFault = {
  code: "breached",
  message:
    "This password has appeared in a data breach (source: haveibeenpwned.com). Choose another, and change it anywhere else you use it.",
};

/** The faults of length and encoding, which are checked before anything else. */
export function shapeFaults(password: string, lengths: Lengths): PasswordFault[] {
  if (codePointLength(password) > lengths.maximumLength) return [tooLong(lengths)];
  if (!password.isWellFormed()) return [HALF_A_CHARACTER];
  return codePointLength(password.normalize("NFC")) < lengths.minimumLength ? [tooShort(lengths)] : [];
}
