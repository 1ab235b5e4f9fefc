/**
 * Every setting of the service: the variables with their defaults and bounds, and the numbers that no variable changes.
 * Limits are in `limit-rules.ts`.
 */
import * as z from "zod";
import { HOUR } from "../platform/clock.ts";
import { LOG_LEVELS } from "../platform/log.ts";
import { mailSubjects } from "./email-subjects.ts";
import { limitRules } from "./limit-overrides.ts";
import { sentryDsn, sentryEnvironment } from "./sentry-dsn.ts";
import {
  bearerSecret,
  clientId,
  domains,
  email,
  givenNumber,
  headerNames,
  httpUrl,
  mailSender,
  oneOf,
  origins,
  secret,
  wholeNumber,
} from "./values.ts";

/** The largest request body, in bytes. Part of the HTTP contract. */
export const MAX_BODY_BYTES = 64 * 1024;

/** The longest password in code points under any configuration. It bounds the cost of hashing; never truncated. */
export const MAX_PASSWORD_LENGTH = 256;

/**
 * The block size of scrypt. Together with the defaults of `SCRYPT_LN` and `SCRYPT_P` this is a cost that the OWASP
 * Password Storage Cheat Sheet names.
 */
export const SCRYPT_R = 8;

/** A cached JWKS may be this old: new keys are published much longer before they sign. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** The lifetime of a refresh token, unless it is configured or `SESSION_MAX_DAYS` is shorter. */
export const DEFAULT_REFRESH_DAYS = 7;

/** How long a link for the first superuser works: it is in the log, which others may read later. */
export const FIRST_SUPERUSER_LINK_LIFETIME = 1 * HOUR;

/** Variables of earlier versions that would now be ignored, each with what to do instead. */
export const RETIRED_VARIABLES = {
  SESSION_IDLE_DAYS:
    "was replaced: remove it. REFRESH_TOKEN_EXPIRE_DAYS ends a session that is not refreshed for this long, and SESSION_MAX_DAYS ends every session.",
};

/** Every variable, in the order of the table in docs/configuration.md. */
export const environment = z.object({
  ENVIRONMENT: oneOf(["development", "production"]).default("production"),
  PUBLIC_URL: httpUrl.optional(),
  PRODUCT_NAME: z
    .string()
    .trim()
    .min(1, "takes a name")
    .max(80, "takes at most 80 characters")
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, "takes one line")
    .default("Postern"),
  AUTH_SECRET: secret,
  AUTH_SECRET_PREVIOUS: secret.optional(),
  JWT_AUDIENCE: z.string().min(1, "takes a name or URL").optional(),
  JWT_CLIENT_ID: clientId,
  JWT_ALGORITHM: oneOf(["ES256", "Ed25519"]).default("ES256"),
  ACCESS_TOKEN_EXPIRE_MINUTES: wholeNumber(30, 1, 1_440),
  REFRESH_TOKEN_EXPIRE_DAYS: givenNumber(1, 365).optional(),
  SESSION_MAX_DAYS: wholeNumber(30, 1, 365),
  REFRESH_GRACE_SECONDS: wholeNumber(30, 0, 60),
  SESSIONS_PER_USER: wholeNumber(50, 1, 1_000),
  REAUTHENTICATION_MAX_AGE_MINUTES: wholeNumber(15, 1, 1_440),
  CLOCK_TOLERANCE_SECONDS: wholeNumber(5, 0, 60),
  KEY_ROTATION_DAYS: wholeNumber(30, 1, 365),
  KEY_PUBLISH_LEAD_MINUTES: wholeNumber(60, 15, 1_440),
  PASSWORD_MIN_LENGTH: wholeNumber(15, 8, 64),
  PASSWORD_MAX_LENGTH: wholeNumber(MAX_PASSWORD_LENGTH, 64, MAX_PASSWORD_LENGTH),
  BREACHED_PASSWORD_CHECK: oneOf(["on", "off", "required"]).optional(),
  BREACHED_PASSWORD_TIMEOUT_MILLISECONDS: wholeNumber(1_500, 100, 10_000),
  SCRYPT_LN: wholeNumber(15, 4, 17),
  SCRYPT_P: wholeNumber(3, 1, 16),
  HASH_LANE_LENGTH: wholeNumber(4, 0, 64),
  EMAIL_VERIFICATION_EXPIRE_HOURS: wholeNumber(24, 1, 24),
  RESET_PASSWORD_EXPIRE_MINUTES: wholeNumber(60, 5, 60),
  UNVERIFIED_ACCOUNT_EXPIRE_DAYS: wholeNumber(30, 1, 365),
  EMAIL_CHANGE_UNDO_DAYS: wholeNumber(7, 1, 30),
  USERNAME_RETIREMENT_DAYS: wholeNumber(90, 0, 3_650),
  AUDIT_RETENTION_DAYS: wholeNumber(365, 1, 3_650),
  REGISTRATION: oneOf(["open", "invitation", "closed"]).default("open"),
  ALLOWED_EMAIL_DOMAINS: domains,
  INVITATION_EXPIRE_HOURS: wholeNumber(24, 1, 24),
  FIRST_SUPERUSER_EMAIL: email.optional(),
  TURNSTILE_SECRET_KEY: z
    .string()
    .regex(/^\S{16,}$/, "takes the secret key of a Turnstile widget")
    .optional(),
  TURNSTILE_SITE_KEY: z
    .string()
    .regex(/^[\w-]{16,64}$/, "takes the site key of a Turnstile widget")
    .optional(),
  VERIFY_EMAIL_URL: httpUrl.optional(),
  RESET_PASSWORD_URL: httpUrl.optional(),
  CONFIRM_EMAIL_URL: httpUrl.optional(),
  UNDO_EMAIL_CHANGE_URL: httpUrl.optional(),
  INVITATION_URL: httpUrl.optional(),
  ALLOWED_ORIGINS: origins,
  ALLOWED_HEADERS: headerNames,
  COOKIE_SAME_SITE: oneOf(["strict", "lax", "none"]).default("strict"),
  RATE_LIMITING: oneOf(["on", "off"]).default("on"),
  RATE_LIMITS: limitRules,
  LOG_LEVEL: oneOf(LOG_LEVELS).default("info"),
  SENTRY_DSN: sentryDsn.optional(),
  SENTRY_ENVIRONMENT: sentryEnvironment.optional(),
  MAIL_TRANSPORT: oneOf(["outbox", "smtp", "resend", "cloudflare"]).optional(),
  MAIL_FROM: mailSender.optional(),
  MAIL_SUBJECTS: mailSubjects,
  SMTP_HOST: z.string().min(1, "takes a host name").optional(),
  SMTP_PORT: wholeNumber(587, 1, 65_535),
  SMTP_USER: z.string().min(1, "takes a username").optional(),
  SMTP_PASSWORD: z.string().min(1, "takes a password").optional(),
  SMTP_TLS: oneOf(["starttls", "implicit", "none"]).default("starttls"),
  RESEND_API_KEY: z.string().min(1, "takes an API key").optional(),
  METRICS_TOKEN: bearerSecret.optional(),
});

/** The variables that hold secrets, marked with * in docs/configuration.md. */
export const SECRET_VARIABLES = [
  "AUTH_SECRET",
  "AUTH_SECRET_PREVIOUS",
  "TURNSTILE_SECRET_KEY",
  "SMTP_PASSWORD",
  "RESEND_API_KEY",
  "METRICS_TOKEN",
] as const satisfies (keyof Variables)[];

export type Variables = z.output<typeof environment>;
