/**
 * Configuration: the environment's text values, parsed once into a typed object.
 *
 * A wrong or missing value throws {@link ConfigurationError}, which names every wrong variable and says what it takes.
 * Defaults and bounds are in `settings.ts`.
 */
import { DAY, HOUR, MINUTE, SECOND } from "../platform/clock.ts";
import { contradictions } from "./contradictions.ts";
import {
  DEFAULT_REFRESH_DAYS,
  environment,
  FIRST_SUPERUSER_LINK_LIFETIME,
  RETIRED_VARIABLES,
  SCRYPT_R,
} from "./settings.ts";

export type Config = Readonly<ReturnType<typeof parseConfig>>;

/** Names every wrong variable. Never contains the value of a secret. */
export class ConfigurationError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Configuration error:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
    this.name = "ConfigurationError";
    this.faults = faults;
  }
}

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
  const retired = Object.entries(RETIRED_VARIABLES).flatMap(([name, advice]) =>
    Object.hasOwn(given, name) ? [`${name} ${advice}`] : [],
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}.`);
    throw new ConfigurationError([...retired, ...wrong]);
  }
  const values = parsed.data;
  const development = values.ENVIRONMENT === "development";
  const publicUrl = values.PUBLIC_URL ?? (development ? "http://localhost:8787" : undefined);
  const transport = values.MAIL_TRANSPORT ?? (development ? "outbox" : undefined);
  const faults = [...retired, ...contradictions(values, development, publicUrl, transport)];
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
      lifetime: values.SESSION_MAX_DAYS * DAY,
      idleLifetime: (values.REFRESH_TOKEN_EXPIRE_DAYS ?? Math.min(DEFAULT_REFRESH_DAYS, values.SESSION_MAX_DAYS)) * DAY,
      maximum: values.SESSIONS_PER_USER,
      refreshGrace: values.REFRESH_GRACE_SECONDS * SECOND,
      reauthenticationMaxAge: values.REAUTHENTICATION_MAX_AGE_MINUTES * MINUTE,
      cookieSameSite: values.COOKIE_SAME_SITE,
    },
    passwords: {
      minimumLength: values.PASSWORD_MIN_LENGTH,
      maximumLength: values.PASSWORD_MAX_LENGTH,
      // Off in development, which may be offline and use the passwords of examples.
      breachCheck: values.BREACHED_PASSWORD_CHECK ?? (development ? "off" : "on"),
      breachTimeout: values.BREACHED_PASSWORD_TIMEOUT_MILLISECONDS,
      scrypt: { ln: values.SCRYPT_LN, r: SCRYPT_R, p: values.SCRYPT_P },
      laneLength: values.HASH_LANE_LENGTH,
    },
    accounts: {
      unverifiedLifetime: values.UNVERIFIED_ACCOUNT_EXPIRE_DAYS * DAY,
      usernameRetirement: values.USERNAME_RETIREMENT_DAYS * DAY,
    },
    audit: { retention: values.AUDIT_RETENTION_DAYS * DAY },
    firstSuperuserEmail: values.FIRST_SUPERUSER_EMAIL,
    registration: { policy: values.REGISTRATION, emailDomains: values.ALLOWED_EMAIL_DOMAINS },
    turnstile: { secretKey: values.TURNSTILE_SECRET_KEY, siteKey: values.TURNSTILE_SITE_KEY },
    links: {
      verifyEmailUrl: values.VERIFY_EMAIL_URL ?? `${publicUrl}/verify-email`,
      resetPasswordUrl: values.RESET_PASSWORD_URL ?? `${publicUrl}/reset-password`,
      confirmEmailUrl: values.CONFIRM_EMAIL_URL ?? `${publicUrl}/confirm-email`,
      undoEmailChangeUrl: values.UNDO_EMAIL_CHANGE_URL ?? `${publicUrl}/undo-email-change`,
      invitationUrl: values.INVITATION_URL ?? `${publicUrl}/accept-invitation`,
      firstSuperuserLifetime: FIRST_SUPERUSER_LINK_LIFETIME,
      invitationLifetime: values.INVITATION_EXPIRE_HOURS * HOUR,
      undoEmailChangeLifetime: values.EMAIL_CHANGE_UNDO_DAYS * DAY,
      resetPasswordLifetime: values.RESET_PASSWORD_EXPIRE_MINUTES * MINUTE,
      verifyEmailLifetime: values.EMAIL_VERIFICATION_EXPIRE_HOURS * HOUR,
    },
    allowedOrigins: values.ALLOWED_ORIGINS,
    allowedHeaders: values.ALLOWED_HEADERS,
    limits: { enforced: values.RATE_LIMITING === "on", rules: values.RATE_LIMITS },
    log: { level: values.LOG_LEVEL },
    /** `envelopeUrl` is absent if errors are reported nowhere. */
    sentry: { envelopeUrl: values.SENTRY_DSN, environment: values.SENTRY_ENVIRONMENT ?? values.ENVIRONMENT },
    metrics: { token: values.METRICS_TOKEN },
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
