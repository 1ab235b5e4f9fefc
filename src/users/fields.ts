/** The fields that users fill in about themselves. Every route uses these shapes. */
import * as z from "zod";
import { SUPPORTED_LOCALES } from "../config/languages.ts";
import { canonicalEmail, hasAsciiLocalPart, isEmail, LONGEST_EMAIL } from "../platform/email-address.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import { withoutSpacesAround } from "../platform/spaces.ts";
import { ROLES } from "../verify/claims.ts";

/** Control characters, including NUL, and characters that reverse text (Unicode TR36 §2.5). */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** How the OpenAPI document describes an address that a client sends. */
export const emailDocumentation = {
  description: "Upper and lower case are both accepted. The domain can be in Unicode or in its xn-- form.",
  format: "idn-email",
  examples: ["ada@example.com"],
};

/** An email address, in its stored form. */
export const emailAddress = z
  .string()
  .overwrite(canonicalEmail)
  .max(LONGEST_EMAIL, { error: `Use ${LONGEST_EMAIL} characters or fewer.`, abort: true })
  .refine(hasAsciiLocalPart, {
    params: { code: "unsupported_local_part" },
    error:
      "Before the @, use only unaccented letters (a–z), digits and ASCII symbols. The domain may be in any script.",
    abort: true,
  })
  .refine(isEmail, {
    params: { code: "invalid_format" },
    error: "Enter a valid email address, like ada@example.com.",
  })
  .meta(emailDocumentation);

/** An email address as the API returns it. */
export const storedEmail = z.string().meta({
  description: "In lower case. An international domain is in its xn-- form.",
  format: "email",
  examples: ["ada@example.com"],
});

/** The text that a user types into an email field. An address is converted to the stored form. */
export const typedEmail = z
  .string()
  .overwrite(canonicalEmail)
  .max(LONGEST_EMAIL, `Use ${LONGEST_EMAIL} characters or fewer.`)
  .meta({ examples: ["ada@example.com"] });

/** The text that a user types into a username field. */
export const typedUsername = z
  .string()
  .overwrite(withoutSpacesAround)
  .max(32, "Use 32 characters or fewer.")
  .meta({ examples: ["ada"] });

/** 3 to 32 of a–z, 0–9, dot, hyphen and underscore, in upper or lower case. Starts and ends with a letter or digit. */
export const username = z
  .string()
  .overwrite(withoutSpacesAround)
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
  .overwrite(withoutSpacesAround)
  .min(1, "Leave this field out instead of sending it empty.")
  .max(100, "Use 100 characters or fewer.")
  .refine(
    (text) => text.isWellFormed() && !UNPRINTABLE.test(text),
    "Remove the characters that can't be used in a name, such as control characters.",
  )
  .meta({ minLength: 1, maxLength: 100, examples: ["Ada"] });

export const phoneNumber = z
  .string()
  .overwrite(withoutSpacesAround)
  .regex(/^\+[1-9]\d{6,14}$/, "Enter the number in E.164 format: + and 7 to 15 digits, like +442079460000.")
  .meta({ description: "E.164.", examples: ["+442079460000"] });

export const locale = z
  .enum(SUPPORTED_LOCALES, `Use one of ${SUPPORTED_LOCALES.join(", ")}.`)
  .meta({ description: "The language of emails.", examples: ["en"] });

export const role = z.enum(ROLES, `Use one of ${ROLES.join(", ")}.`).meta({ examples: ["moderator"] });
