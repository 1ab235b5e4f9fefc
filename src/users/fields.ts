/** The fields that a person fills in about themselves: their shapes, alike wherever they are typed. */
import * as z from "zod";
import { SUPPORTED_LOCALES } from "../config/languages.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import { ROLES } from "../verify/claims.ts";
import { canonicalName } from "./login-names.ts";

/** Control characters, NUL among them, and the marks that turn text around (Unicode TR36 §2.5). */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * An address, lower-case as it is stored: two spellings of one mailbox are one account. Local parts
 * are case-sensitive by RFC 5321 §2.4, but no mail service in use treats them so.
 */
export const emailAddress = z
  .string()
  .max(254, "An address has at most 254 characters.")
  .overwrite(canonicalName)
  .pipe(z.email("This is not an email address. It looks like ada@example.com."))
  .meta({ format: "email", maxLength: 254, examples: ["ada@example.com"] });

/** 3 to 32 of a–z, 0–9, dot, hyphen and underscore, in any case; begins and ends with a letter or digit. */
export const username = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{1,30})[A-Za-z0-9]$/,
    "A username has 3 to 32 letters (a to z), digits, dots, hyphens or underscores, and begins and ends with a letter or a digit.",
  )
  .meta({ description: "Unique without regard to case.", examples: ["ada"] });

/** The refusal of a username that somebody bears or has registered, naming the field. */
export function usernameTaken(): Refusal<"username_taken"> {
  return refuse("username_taken", {
    errors: [{ field: "username", code: "taken", message: "Somebody else has this username." }],
  });
}

export const personName = z
  .string()
  .trim()
  .min(1, "Leave the field out rather than empty.")
  .max(100, "A name has at most 100 characters.")
  .refine((text) => text.isWellFormed() && !UNPRINTABLE.test(text), "A name holds no control characters.")
  .meta({ minLength: 1, maxLength: 100, examples: ["Ada"] });

export const phoneNumber = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, "A phone number is written in E.164: + and 7 to 15 digits, like +441234567890.")
  .meta({ description: "E.164.", examples: ["+441234567890"] });

export const locale = z
  .enum(SUPPORTED_LOCALES, `This takes one of ${SUPPORTED_LOCALES.join(", ")}.`)
  .meta({ description: "In which language mails are written.", examples: ["en"] });

export const role = z.enum(ROLES, `This takes one of ${ROLES.join(", ")}.`).meta({ examples: ["moderator"] });
