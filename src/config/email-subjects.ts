/** Subjects of emails that the operator sets instead of the defaults: the variable `MAIL_SUBJECTS`. */
import * as z from "zod";
import { type Locale, SUPPORTED_LOCALES } from "./languages.ts";

/** Every kind of email. `MAIL_SUBJECTS` uses the same names. */
export const MESSAGE_KINDS = [
  "verify_email",
  "account_exists",
  "invitation",
  "reset_password",
  "email_login",
  "password_blocked",
  "password_changed",
  "password_removed",
  "new_login",
  "refresh_reused",
  "second_factor_added",
  "second_factor_removed",
  "second_factors_removed",
  "second_factor_code",
  "recovery_code_used",
  "recovery_codes_replaced",
  "passkey_counter_fell_back",
  "confirm_email",
  "email_in_use",
  "email_change_requested",
  "email_changed",
  "account_deleted",
] as const;

export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** The longest subject, in characters. Most email programs show less than half of that. */
const LONGEST = 150;

const SUBJECTS_TAKE =
  'takes a JSON object that maps kinds of email to subjects: {"verify_email":"Welcome to {product}"}';
const SUBJECT_TAKES = `takes one line of 1 to ${LONGEST} characters with no placeholder except {product}, or an object that maps languages (${SUPPORTED_LOCALES.join(", ")}) to such lines`;

const subject = z
  .string(SUBJECT_TAKES)
  .trim()
  .regex(new RegExp(`^[^\\p{Cc}\\u2028\\u2029]{1,${LONGEST}}$`, "u"), SUBJECT_TAKES)
  .refine((text) => !/[{}]/.test(text.replaceAll("{product}", "")), SUBJECT_TAKES);

/** The variable: a JSON object as text, or a table in `wrangler.toml`. */
export const mailSubjects = z
  .unknown()
  .transform((value, context) => {
    if (typeof value !== "string") return value;
    try {
      const parsed: unknown = JSON.parse(value);
      return parsed;
    } catch {
      context.addIssue(SUBJECTS_TAKE);
      return z.NEVER;
    }
  })
  .pipe(
    z.partialRecord(
      z.enum(MESSAGE_KINDS),
      z.union([subject, z.partialRecord(z.enum(SUPPORTED_LOCALES), subject, SUBJECT_TAKES)], SUBJECT_TAKES),
      {
        error: (issue) =>
          "keys" in issue
            ? `has an unknown kind of email: ${issue.keys}. It takes ${MESSAGE_KINDS.join(", ")}`
            : SUBJECTS_TAKE,
      },
    ),
  )
  .default({});

type MailSubjects = z.output<typeof mailSubjects>;

/** The operator's subject for a kind of email in a language; `undefined` if the default applies. */
export function chosenSubject(
  subjects: MailSubjects,
  { kind, locale, product }: { kind: MessageKind; locale: Locale; product: string },
): string | undefined {
  const chosen = subjects[kind];
  const text = typeof chosen === "object" ? chosen[locale] : chosen;
  return text?.replaceAll("{product}", () => product);
}
