/** The zod schemas of passwords in request bodies. The other rules for new passwords are in `quality.ts`. */
import * as z from "zod";
import { MAX_PASSWORD_LENGTH } from "../config/settings/password-rules.ts";
import { codePointLength } from "../platform/encoding.ts";
import { type Lengths, passwordFault, shapeFaults } from "./faults.ts";

type UserLengths = Pick<Lengths, "maximumLength"> & { minimumLengthWithFactor: number };

const TOO_LONG = passwordFault("too_long", MAX_PASSWORD_LENGTH);
const shown = { format: "password", examples: ["correct horse battery staple"] };

/**
 * A password that a user enters to log in or to confirm something. The rules for new passwords don't apply: only its
 * length and its encoding are limited.
 */
export const typedPassword = z
  .string()
  .min(1, "Enter your password.")
  .refine((text) => codePointLength(text) <= MAX_PASSWORD_LENGTH, {
    params: { code: TOO_LONG.code },
    message: TOO_LONG.message,
  })
  .refine((text) => text.isWellFormed(), passwordFault("invalid").message)
  .meta({ ...shown, maxLength: MAX_PASSWORD_LENGTH });

/** A new password whose owner is not known when the request is parsed. The owner's minimum length may be higher. */
export function newPasswordOfUser({ maximumLength, minimumLengthWithFactor }: UserLengths) {
  return newPassword({ maximumLength, minimumLength: minimumLengthWithFactor });
}

/** A new password: its length is checked, its composition is not (NIST SP 800-63B-4 §3.1.1.2). */
export function newPassword(lengths: Lengths) {
  return z
    .string()
    .superRefine((text, context) => {
      for (const { code, message } of shapeFaults(text, lengths)) {
        context.addIssue({ code: "custom", message, params: { code } });
      }
    })
    .meta({ ...shown, minLength: lengths.minimumLength, maxLength: lengths.maximumLength });
}
