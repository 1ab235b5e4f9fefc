/**
 * Configuration: the environment's text values, parsed once into a typed object.
 *
 * A wrong or missing value throws {@link ConfigurationError}, which names every wrong variable and says what it takes.
 * Defaults and bounds live here, with their units and sources.
 */
import * as z from "zod";
import { DAY, HOUR, MINUTE, SECOND } from "../platform/clock.ts";
import { weaknessOf } from "../platform/secret-strength.ts";
import { mailSubjects } from "./email-subjects.ts";
import { limitRules } from "./limit-overrides.ts";
import { clientId, domains, GOOD_SECRET, httpUrl, oneOf, origins, secret, wholeNumber } from "./values.ts";

export type Config = Readonly<ReturnType<typeof parseConfig>>;

/** Names every wrong variable. Never contains the value of a secret. */
export class ConfigurationError extends Error {
  constructor(faults: string[]) {
    super(`Configuration error:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
    this.name = "ConfigurationError";
  }
}

/** The largest request body, in bytes. Part of the HTTP contract. */
export const MAX_BODY_BYTES = 64 * 1024;

/** The longest password in code points under any configuration. It bounds the cost of hashing; never truncated. */
export const MAX_PASSWORD_LENGTH = 256;

/** A cached JWKS may be this old: new keys are published much longer before they sign. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** Scrypt settings (`ln`, `p`; r is 8) that OWASP ASVS 5.0 Appendix C approves. */
const APPROVED_SCRYPT = [
  { ln: 15, p: 3 },
  { ln: 16, p: 2 },
  { ln: 17, p: 1 },
];

/** Cloudflare's test keys: always pass, always fail, "already spent" (https://developers.cloudflare.com/turnstile/troubleshooting/testing/). */
const TURNSTILE_TEST_KEY = /^[123]x0{31}AA$/;

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a host name means this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

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
  REFRESH_TOKEN_EXPIRE_DAYS: wholeNumber(30, 1, 365),
  SESSION_IDLE_DAYS: wholeNumber(30, 1, 365),
  REFRESH_GRACE_SECONDS: wholeNumber(30, 0, 60),
  SESSIONS_PER_USER: wholeNumber(50, 1, 1_000),
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
  COOKIE_SAME_SITE: oneOf(["strict", "lax", "none"]).default("strict"),
  RATE_LIMITING: oneOf(["on", "off"]).default("on"),
  RATE_LIMITS: limitRules,
  MAIL_TRANSPORT: oneOf(["outbox", "smtp", "resend", "cloudflare"]).optional(),
  MAIL_FROM: z
    .string()
    .regex(/^(?:[^<>"\r\n]{1,80} <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/, "takes an address, or Name <address>")
    .optional(),
  MAIL_SUBJECTS: mailSubjects,
  SMTP_HOST: z.string().min(1, "takes a host name").optional(),
  SMTP_PORT: wholeNumber(587, 1, 65_535),
  SMTP_USER: z.string().min(1, "takes a username").optional(),
  SMTP_PASSWORD: z.string().min(1, "takes a password").optional(),
  SMTP_TLS: oneOf(["starttls", "implicit", "none"]).default("starttls"),
  RESEND_API_KEY: z.string().min(1, "takes an API key").optional(),
});

/**
 * Parses the environment of a Worker. Ignores bindings and unknown names. An empty text counts as missing, because
 * the dashboard stores a cleared variable that way.
 *
 * @throws {ConfigurationError} if a variable is missing or wrong.
 */
export function parseConfig(source: object) {
  const given = Object.fromEntries(
    Object.entries(source)
      .filter(([, value]) => value !== "")
      // TOML turns a text without quotes into a number or a boolean.
      .map(([name, value]) => [name, /^(number|boolean)$/.test(typeof value) ? String(value) : value]),
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    throw new ConfigurationError(parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}.`));
  }
  const values = parsed.data;
  const development = values.ENVIRONMENT === "development";
  const publicUrl = values.PUBLIC_URL ?? (development ? "http://localhost:8787" : undefined);
  const transport = values.MAIL_TRANSPORT ?? (development ? "outbox" : undefined);
  const faults = contradictions(values, development, publicUrl, transport);
  if (faults.length > 0 || publicUrl === undefined || transport === undefined) throw new ConfigurationError(faults);

  return {
    development,
    publicUrl,
    productName: values.PRODUCT_NAME,
    secret: { current: values.AUTH_SECRET, previous: values.AUTH_SECRET_PREVIOUS },
    tokens: {
      issuer: publicUrl,
      audience: values.JWT_AUDIENCE ?? publicUrl,
      clientId: values.JWT_CLIENT_ID,
      algorithm: values.JWT_ALGORITHM,
      lifetime: values.ACCESS_TOKEN_EXPIRE_MINUTES * MINUTE,
      clockTolerance: values.CLOCK_TOLERANCE_SECONDS * SECOND,
    },
    keys: {
      signingPeriod: values.KEY_ROTATION_DAYS * DAY,
      publishLead: values.KEY_PUBLISH_LEAD_MINUTES * MINUTE,
    },
    sessions: {
      lifetime: values.REFRESH_TOKEN_EXPIRE_DAYS * DAY,
      idleLifetime: values.SESSION_IDLE_DAYS * DAY,
      maximum: values.SESSIONS_PER_USER,
      refreshGrace: values.REFRESH_GRACE_SECONDS * SECOND,
      cookieSameSite: values.COOKIE_SAME_SITE,
    },
    passwords: {
      minimumLength: values.PASSWORD_MIN_LENGTH,
      maximumLength: values.PASSWORD_MAX_LENGTH,
      // Off in development, which may be offline and use the passwords of examples.
      breachCheck: values.BREACHED_PASSWORD_CHECK ?? (development ? "off" : "on"),
      breachTimeout: values.BREACHED_PASSWORD_TIMEOUT_MILLISECONDS,
      scrypt: { ln: values.SCRYPT_LN, r: 8, p: values.SCRYPT_P },
      laneLength: values.HASH_LANE_LENGTH,
    },
    accounts: {
      unverifiedLifetime: values.UNVERIFIED_ACCOUNT_EXPIRE_DAYS * DAY,
      usernameRetirement: values.USERNAME_RETIREMENT_DAYS * DAY,
    },
    audit: { retention: values.AUDIT_RETENTION_DAYS * DAY },
    registration: { policy: values.REGISTRATION, emailDomains: values.ALLOWED_EMAIL_DOMAINS },
    turnstile: { secretKey: values.TURNSTILE_SECRET_KEY, siteKey: values.TURNSTILE_SITE_KEY },
    links: {
      verifyEmailUrl: values.VERIFY_EMAIL_URL ?? `${publicUrl}/verify-email`,
      resetPasswordUrl: values.RESET_PASSWORD_URL ?? `${publicUrl}/reset-password`,
      confirmEmailUrl: values.CONFIRM_EMAIL_URL ?? `${publicUrl}/confirm-email`,
      undoEmailChangeUrl: values.UNDO_EMAIL_CHANGE_URL ?? `${publicUrl}/undo-email-change`,
      invitationUrl: values.INVITATION_URL ?? `${publicUrl}/accept-invitation`,
      invitationLifetime: values.INVITATION_EXPIRE_HOURS * HOUR,
      undoEmailChangeLifetime: values.EMAIL_CHANGE_UNDO_DAYS * DAY,
      resetPasswordLifetime: values.RESET_PASSWORD_EXPIRE_MINUTES * MINUTE,
      verifyEmailLifetime: values.EMAIL_VERIFICATION_EXPIRE_HOURS * HOUR,
    },
    allowedOrigins: values.ALLOWED_ORIGINS,
    limits: { enforced: values.RATE_LIMITING === "on", rules: values.RATE_LIMITS },
    mail: {
      transport,
      from: values.MAIL_FROM ?? `${values.PRODUCT_NAME} <no-reply@localhost>`,
      subjects: values.MAIL_SUBJECTS,
      smtp: {
        host: values.SMTP_HOST ?? "",
        port: values.SMTP_PORT,
        user: values.SMTP_USER,
        password: values.SMTP_PASSWORD,
        tls: values.SMTP_TLS,
      },
      resendApiKey: values.RESEND_API_KEY ?? "",
    },
  } as const;
}

/** Values that contradict each other, or that the environment does not allow. */
function contradictions(
  values: z.output<typeof environment>,
  development: boolean,
  publicUrl: string | undefined,
  transport: string | undefined,
): string[] {
  const faults: string[] = [];
  const insist = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  insist(
    values.AUTH_SECRET !== values.AUTH_SECRET_PREVIOUS,
    "AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET: set it to the secret before, or leave it out.",
  );
  const { SCRYPT_LN: ln, SCRYPT_P: p } = values;
  const isApproved = APPROVED_SCRYPT.some((set) => ln >= set.ln && p >= set.p);
  const isPossible = 2 ** ln * 8 * p <= 2 ** 20;
  if (publicUrl === undefined) {
    faults.push("PUBLIC_URL is missing: it takes the https URL of this service.");
  } else {
    const { hostname, pathname, protocol } = new URL(publicUrl);
    insist(pathname === "/", "PUBLIC_URL takes no path: the service runs at the root of its host.");
    if (development)
      insist(
        isLoopback(hostname),
        "ENVIRONMENT=development takes a PUBLIC_URL on localhost: anyone could read the emails at any other address.",
      );
    else insist(protocol === "https:", "PUBLIC_URL takes an https URL outside development.");
  }
  if (!development) {
    for (const name of ["AUTH_SECRET", "AUTH_SECRET_PREVIOUS"] as const) {
      const weakness = weaknessOf(values[name] ?? "");
      insist(values[name] === undefined || weakness === undefined, `${name} ${weakness}: ${GOOD_SECRET}.`);
    }
    insist(values.RATE_LIMITING === "on", "RATE_LIMITING=off is for development only.");
    insist(transport !== "outbox", "MAIL_TRANSPORT=outbox is for development only.");
    insist(
      !TURNSTILE_TEST_KEY.test(values.TURNSTILE_SECRET_KEY ?? ""),
      "TURNSTILE_SECRET_KEY is one of Cloudflare's test keys, which are for development only.",
    );
    insist(
      isApproved,
      "SCRYPT_LN and SCRYPT_P take at least 15 and 3, 16 and 2, or 17 and 1 (OWASP ASVS 5.0 Appendix C).",
    );
  }
  insist(
    isPossible,
    "SCRYPT_LN and SCRYPT_P together exceed what Workers allow: 2^SCRYPT_LN * 8 * SCRYPT_P is at most 2^20.",
  );
  insist(
    values.TURNSTILE_SITE_KEY === undefined || values.TURNSTILE_SECRET_KEY !== undefined,
    "TURNSTILE_SITE_KEY needs TURNSTILE_SECRET_KEY: without it, the service cannot check the widget's token.",
  );
  if (transport === undefined) faults.push("MAIL_TRANSPORT is missing: it takes one of smtp, resend, cloudflare.");
  const sends = transport !== undefined && transport !== "outbox";
  insist(!sends || values.MAIL_FROM !== undefined, "MAIL_FROM is missing: it takes an address, or Name <address>.");
  insist(transport !== "smtp" || values.SMTP_HOST !== undefined, "SMTP_HOST is missing: MAIL_TRANSPORT=smtp needs it.");
  const hasUser = values.SMTP_USER !== undefined;
  insist(hasUser === (values.SMTP_PASSWORD !== undefined), "SMTP_USER and SMTP_PASSWORD must be set together.");
  const hasKey = values.RESEND_API_KEY !== undefined;
  insist(transport !== "resend" || hasKey, "RESEND_API_KEY is missing: MAIL_TRANSPORT=resend needs it.");
  return faults;
}
