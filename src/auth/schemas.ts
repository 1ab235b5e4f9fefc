/** Request and response bodies of the auth routes. */
import * as z from "zod";
import type { Config } from "../config.ts";
import { FAULT_CODES } from "../passwords/faults.ts";
import { newPassword, typedPassword } from "../passwords/policy.ts";
import { allowedEmailAddress } from "../users/email-domains.ts";
import { emailAddress, personName, phoneNumber, username } from "../users/fields.ts";
import { userSchema } from "../users/user.ts";

export const token = z
  .string()
  .min(1)
  .max(1_024, "This is too long to be a token.")
  .meta({ examples: ["AQGasnJ0fSt_…"] });

/** The token of a Turnstile widget. Its length limit comes from Turnstile's documentation. */
const turnstileToken = z
  .string()
  .max(2_048, "This is too long to be a Turnstile token.")
  .optional()
  .meta({
    description: "Required if the service uses a challenge (Cloudflare Turnstile).",
    examples: ["0.yKW3vPfQ…"],
  });

/** The fields of a new account. */
export const newAccountFields = (config: Config) => ({
  email: allowedEmailAddress(config),
  username,
  password: newPassword(config.passwords),
  first_name: personName.nullish(),
  last_name: personName.nullish(),
  phone: phoneNumber.nullish(),
});

export const registerBody = (config: Config) =>
  z.strictObject({ ...newAccountFields(config), turnstile_token: turnstileToken });

export const linkTokenBody = () => z.strictObject({ token });

export const resetPasswordBody = (config: Config) =>
  z.strictObject({ token, new_password: newPassword(config.passwords) });

/** Accepts an unfinished password: its faults are the answer, not a refusal. */
export const passwordStrengthBody = () =>
  z.strictObject({
    password: z.string().meta({ format: "password", examples: ["correct horse battery staple"] }),
    email: z
      .string()
      .max(254, "Use 254 characters or fewer.")
      .optional()
      .meta({ examples: ["ada@example.com"] }),
    username: z
      .string()
      .max(32, "Use 32 characters or fewer.")
      .optional()
      .meta({ examples: ["ada"] }),
  });

export const passwordStrengthSchema = z
  .strictObject({
    acceptable: z.boolean().meta({ description: "Whether the password can be used." }),
    errors: z.array(
      z.strictObject({
        field: z.literal("password"),
        code: z.enum(FAULT_CODES),
        message: z.string().meta({ description: "How to choose a better password." }),
      }),
    ),
    breach_check: z.literal("unavailable").optional().meta({
      description:
        "Present if Have I Been Pwned did not answer, so the password was not checked for leaks. It can still be used.",
    }),
  })
  .meta({ id: "PasswordStrength" });

export const emailBody = () => z.strictObject({ email: emailAddress });

export const forgotPasswordBody = () => z.strictObject({ email: emailAddress, turnstile_token: turnstileToken });

export const loginBody = () =>
  z
    .strictObject({
      email: z
        .string()
        .trim()
        .min(1, "Enter your email address.")
        .max(254, "Use 254 characters or fewer.")
        .optional()
        .meta({ examples: ["ada@example.com"] }),
      username: z
        .string()
        .trim()
        .min(1, "Enter your username.")
        .max(32, "Use 32 characters or fewer.")
        .optional()
        .meta({ examples: ["ada"] }),
      password: typedPassword,
      device_name: personName
        .optional()
        .meta({ description: "The name of the device in the list of sessions.", examples: ["Ada's phone"] }),
      cookie: z
        .boolean()
        .optional()
        .meta({ description: "Keep the refresh token in an HttpOnly cookie instead of returning it." }),
      turnstile_token: turnstileToken,
    })
    .refine((body) => (body.email === undefined) !== (body.username === undefined), {
      path: ["email"],
      message: "Send either an email address or a username.",
    });

export const refreshBody = () => z.strictObject({ refresh_token: token.optional() });

export const logoutBody = () =>
  z.strictObject({
    refresh_token: token.optional(),
    all: z.boolean().optional().meta({ description: "End every session of the user, not only this one." }),
  });

const seconds = z.int().min(0);

const tokenPairFields = {
  access_token: z.string().meta({ description: "A JWT (RFC 9068).", examples: ["eyJhbGciOiJFUzI1NiIs…"] }),
  token_type: z.literal("Bearer"),
  expires_in: seconds.meta({ description: "Seconds until the access token expires.", examples: [1800] }),
  refresh_token: z
    .string()
    .optional()
    .meta({ description: "Absent in cookie mode.", examples: ["prt_AQGasnJ0fSt_…"] }),
  refresh_expires_in: seconds.meta({ description: "Seconds until the session ends.", examples: [2592000] }),
  session_id: z.uuid(),
};

export const tokenPairSchema = z.strictObject(tokenPairFields).meta({ id: "TokenPair" });
export const loginSchema = z.strictObject({ ...tokenPairFields, user: userSchema }).meta({ id: "Login" });

export const statusSchema = <Status extends string>(status: Status) => z.strictObject({ status: z.literal(status) });
