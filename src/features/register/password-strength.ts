import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { perNetwork } from "../../endpoint/limits.ts";
import { FAULT_CODES } from "../../passwords/faults.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { typedEmail, typedUsername } from "../../users/fields.ts";

const checkSchema = z
  .strictObject({
    acceptable: z.boolean().meta({ description: "Whether the password may be set." }),
    errors: z.array(
      z.strictObject({
        field: z.literal("password"),
        code: z.enum(FAULT_CODES),
        message: z.string().meta({ description: "How to choose a better one." }),
      }),
    ),
    breach_check: z.literal("unavailable").optional().meta({
      description: "Present if Have I Been Pwned did not answer. The password may be set, although it may have leaked.",
    }),
  })
  .meta({ id: "PasswordStrength" });

export const judgePassword = endpoint(
  {
    id: "judgePassword",
    method: "post",
    path: "/api/v1/auth/password-strength",
    tag: "Authentication",
    summary: "Check a new password",
    description:
      "Returns whether a password may be set, and what is wrong with it, for a form that asks while the user types. Registering, resetting and changing a password apply the same rules, and also use what they know about the owner. The password is not stored.",
    // Accepts every password, even a half-typed one: its faults are the answer, not a refusal.
    body: () =>
      z.strictObject({
        password: z.string().meta({ format: "password", examples: ["correct horse battery staple"] }),
        email: typedEmail.optional(),
        username: typedUsername.optional(),
      }),
    limits: [perNetwork("passwordStrengthPerAddress")],
    success: { status: 200, description: "The check.", schema: checkSchema },
    refusals: ["unavailable"],
  },
  async ({ passwordQuality }, { body: { password, email, username } }) => {
    const check = await passwordQuality.check(password, { email, username });
    if (isRefusal(check)) return check;
    const errors = check.faults.map((fault) => ({ field: "password" as const, ...fault }));
    return {
      acceptable: errors.length === 0,
      errors,
      breach_check: check.breachesUnknown ? ("unavailable" as const) : undefined,
    };
  },
);
