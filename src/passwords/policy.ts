/** What makes a new password acceptable. The same judgement wherever a password is set. */
import * as z from "zod";
import { codePointLength } from "../platform/encoding.ts";

/** Code points at most: above NIST's floor of 64, and a bound on what is hashed. Refused, never truncated. */
const MAX_CODE_POINTS = 256;

const TOO_LONG = { params: { code: "too_long" }, message: `A password has at most ${MAX_CODE_POINTS} characters.` };

/** A password as somebody types it to prove who they are: bounded, otherwise taken as it is. */
export const typedPassword = z
  .string()
  .min(1, "Type the password.")
  .refine((text) => codePointLength(text) <= MAX_CODE_POINTS, TOO_LONG)
  .refine((text) => text.isWellFormed(), "The password holds half a character (a lone surrogate).")
  .meta({ format: "password", maxLength: MAX_CODE_POINTS, examples: ["correct horse battery staple"] });

/**
 * A password to be set: at least `minimumLength` code points and at most 256, no rules on its
 * composition (NIST SP 800-63B-4 §3.1.1.2).
 */
export function newPassword(minimumLength: number) {
  return typedPassword
    .refine((text) => codePointLength(text.normalize("NFC")) >= minimumLength, {
      params: { code: "too_short" },
      message: `A password has at least ${minimumLength} characters. A few words in a row are easy to remember and hard to guess.`,
    })
    .meta({
      format: "password",
      minLength: minimumLength,
      maxLength: MAX_CODE_POINTS,
      examples: ["correct horse battery staple"],
    });
}
