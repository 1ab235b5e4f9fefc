/** What makes a new password acceptable. The same judgement wherever a password is set. */
import * as z from "zod";
import { byteLength, codePointLength } from "../platform/encoding.ts";

/** Code points at most: above NIST's floor of 64, and a bound on what is hashed. Refused, never truncated. */
const MAX_CODE_POINTS = 256;
/** Four bytes are the most that UTF-8 spends on a code point; checked first, since it is cheap. */
const MAX_BYTES = MAX_CODE_POINTS * 4;

const isWellFormed = (text: string) => text.isWellFormed();

/** A password as somebody types it to prove who they are: bounded, otherwise taken as it is. */
export const typedPassword = z
  .string()
  .min(1, "Type the password.")
  .refine((text) => byteLength(text) <= MAX_BYTES, "A password has at most 256 characters.")
  .refine(isWellFormed, "The password holds half a character (a lone surrogate).")
  .meta({ format: "password", maxLength: MAX_CODE_POINTS, examples: ["correct horse battery staple"] });

/**
 * A password to be set: at least `minimumLength` code points and at most 256, no rules on its
 * composition (NIST SP 800-63B-4 §3.1.1.2).
 */
export function newPassword(minimumLength: number) {
  return typedPassword
    .refine(
      (text) => codePointLength(text.normalize("NFC")) >= minimumLength,
      `A password has at least ${minimumLength} characters. A few words in a row are easy to remember and hard to guess.`,
    )
    .refine((text) => codePointLength(text) <= MAX_CODE_POINTS, "A password has at most 256 characters.")
    .meta({
      format: "password",
      minLength: minimumLength,
      maxLength: MAX_CODE_POINTS,
      examples: ["correct horse battery staple"],
    });
}
