/** The fields that users fill in about themselves. Every route uses these shapes. */
import * as z from "zod";
import { SUPPORTED_LOCALES } from "../config/languages.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import { ROLES } from "../verify/claims.ts";
import { canonicalName } from "./login-names.ts";

/** Control characters, including NUL, and characters that reverse text (Unicode TR36 §2.5). */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * An email address, in lower case: two spellings of one mailbox are one account. RFC 5321 §2.4 makes local parts
 * case-sensitive, but no email provider in use treats them that way.
 */
export const emailAddress = z
  .string()
  .max(254, "Use 254 characters or fewer.")
  .overwrite(canonicalName)
  .pipe(z.email("Enter a valid email address, like ada@example.com."))
  .meta({ format: "email", maxLength: 254, examples: ["ada@example.com"] });

/** 3 to 32 of a–z, 0–9, dot, hyphen and underscore, in any case. Starts and ends with a letter or digit. */
export const username = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{1,30})[A-Za-z0-9]$/,
    "Use 3–32 letters (a–z), numbers, dots, hyphens or underscores. Start and end with a letter or number.",
  )
  .meta({ description: "Unique, ignoring case.", examples: ["ada"] });

/** The refusal of a username that another account or registration uses. */
export function usernameTaken(): Refusal<"username_taken"> {
  return refuse("username_taken", {
    errors: [{ field: "username", code: "taken", message: "This username is taken. Choose another." }],
  });
}

export const personName = z
  .string()
  .trim()
  .min(1, "Leave this field out instead of sending it empty.")
  .max(100, "Use 100 characters or fewer.")
  .refine(
    (text) => text.isWellFormed() && !UNPRINTABLE.test(text),
    "Remove the characters that cannot be used in a name, such as control characters.",
  )
  .meta({ minLength: 1, maxLength: 100, examples: ["Ada"] });

export const phoneNumber = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, "Enter the number in E.164 format: + and 7 to 15 digits, like +442079460000.")
  .meta({ description: "E.164.", examples: ["+442079460000"] });

export const locale = z
  .enum(SUPPORTED_LOCALES, `Use one of ${SUPPORTED_LOCALES.join(", ")}.`)
  .meta({ description: "The language of emails.", examples: ["en"] });

export const role = z.enum(ROLES, `Use one of ${ROLES.join(", ")}.`).meta({ examples: ["moderator"] });
