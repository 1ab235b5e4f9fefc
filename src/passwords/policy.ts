/** The shapes of passwords in request bodies. `quality.ts` has the other checks of a new password. */
import * as z from "zod";
import { codePointLength } from "../platform/encoding.ts";
import { HALF_A_CHARACTER, type Lengths, MAX_CODE_POINTS, shapeFaults, tooLong } from "./faults.ts";

const TOO_LONG = tooLong({ maximumLength: MAX_CODE_POINTS });
const shown = { format: "password", examples: ["correct horse battery staple"] };

/** An existing password, as the user types it to log in or confirm a change: any text up to the maximum length. */
export const typedPassword = z
  .string()
  .min(1, "Enter your password.")
  .refine((text) => codePointLength(text) <= MAX_CODE_POINTS, {
    params: { code: TOO_LONG.code },
    message: TOO_LONG.message,
  })
  .refine((text) => text.isWellFormed(), HALF_A_CHARACTER.message)
  .meta({ ...shown, maxLength: MAX_CODE_POINTS });

/** A new password: length limits, but no rules on its composition (NIST SP 800-63B-4 §3.1.1.2). */
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
