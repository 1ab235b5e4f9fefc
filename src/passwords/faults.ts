/** What can be wrong with a new password: a closed set of codes, each with words that say how to do better. */
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

/** In code points, the unit of NIST SP 800-63B-4 §3.1.1.2. */
export interface Lengths {
  minimumLength: number;
  maximumLength: number;
}

export const tooShort = ({ minimumLength }: Pick<Lengths, "minimumLength">): PasswordFault => ({
  code: "too_short",
  message: `A password has at least ${minimumLength} characters. A few words in a row are easy to remember and hard to guess.`,
});

export const tooLong = ({ maximumLength }: Pick<Lengths, "maximumLength">): PasswordFault => ({
  code: "too_long",
  message: `A password has at most ${maximumLength} characters. A few words in a row are long enough.`,
});

export const HALF_A_CHARACTER: PasswordFault = {
  code: "invalid",
  message: "The password holds half a character (a lone surrogate). Type it anew.",
};

export const CONTAINS_EMAIL: PasswordFault = {
  code: "contains_email",
  message:
    "The password contains the name in your email address, which others try first. Take a few words that have nothing to do with you.",
};

export const CONTAINS_USERNAME: PasswordFault = {
  code: "contains_username",
  message:
    "The password contains your username, which others try first. Take a few words that have nothing to do with you.",
};

export const containsProductName = (productName: string): PasswordFault => ({
  code: "contains_product_name",
  message: `The password contains the name ${productName}, which others try first. Take a few words that have nothing to do with this service.`,
});

export const TOO_COMMON: PasswordFault = {
  code: "too_common",
  message:
    "This is one of the most common passwords, which others try first. Take a few words that nobody else would put in a row.",
};

export const BREACHED: PasswordFault = {
  code: "breached",
  message:
    "This password has leaked from another service (haveibeenpwned.com knows it), so it is on the lists that thieves try. Choose another one, and change it wherever else you use it.",
};

/** The faults of a password's shape alone, which any other judgement waits for. */
export function shapeFaults(password: string, lengths: Lengths): PasswordFault[] {
  if (codePointLength(password) > lengths.maximumLength) return [tooLong(lengths)];
  if (!password.isWellFormed()) return [HALF_A_CHARACTER];
  return codePointLength(password.normalize("NFC")) < lengths.minimumLength ? [tooShort(lengths)] : [];
}
