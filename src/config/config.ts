/**
 * Configuration: the environment's text values, parsed once into a typed object.
 *
 * A wrong or missing value throws {@link ConfigurationError}, which names each wrong variable and says what it takes.
 * This file only joins the topics in `settings/`. Each topic exports its `variables` with their defaults and bounds,
 * and `toConfig`, which turns their values into a part of the configuration. Some topics also export `contradictions`,
 * which finds values that must not be combined. The numbers of the limits are in `limit-rules.ts`.
 */
import * as z from "zod";
import { namesOf } from "../platform/records.ts";
import * as accessTokens from "./settings/access-token-lifetime-and-audience.ts";
import * as console from "./settings/admin-path.ts";
import * as browsers from "./settings/allowed-origins-and-cookie.ts";
import * as authSecret from "./settings/auth-secret.ts";
import * as emailCodes from "./settings/email-codes.ts";
import * as emailLogin from "./settings/email-login.ts";
import * as deployment from "./settings/environment-and-public-url.ts";
import * as lifetimes from "./settings/link-lifetimes-and-retention.ts";
import * as linkUrls from "./settings/link-urls.ts";
import * as logging from "./settings/log-level-and-sentry.ts";
import * as mail from "./settings/mail-transport-and-sender.ts";
import * as metrics from "./settings/metrics-token.ts";
import * as passkeys from "./settings/passkey-domain.ts";
import * as passwordRules from "./settings/password-rules.ts";
import * as limits from "./settings/rate-limit-overrides.ts";
import * as reauthentication from "./settings/reauthentication-max-age.ts";
import * as newAccounts from "./settings/registration-and-first-superuser.ts";
import * as hashing from "./settings/scrypt-cost-and-hash-lane.ts";
import * as secondFactor from "./settings/second-factor-policy.ts";
import * as vulnerabilities from "./settings/security-contact.ts";
import * as sessions from "./settings/session-lifetimes-cap-and-refresh-grace.ts";
import * as signingKeys from "./settings/signing-keys-and-clock-tolerance.ts";
import * as trustedDevices from "./settings/trusted-devices.ts";
import * as turnstile from "./settings/turnstile.ts";
import { settingsInForce } from "./settings-in-force.ts";

/** Every variable, in the order of the table in docs/configuration.md. */
export const environment = z.object({
  ...deployment.variables,
  ...vulnerabilities.variables,
  ...authSecret.variables,
  ...accessTokens.variables,
  ...sessions.variables,
  ...reauthentication.variables,
  ...trustedDevices.variables,
  ...secondFactor.variables,
  ...emailCodes.variables,
  ...signingKeys.variables,
  ...passwordRules.variables,
  ...hashing.variables,
  ...lifetimes.variables,
  ...newAccounts.variables,
  ...emailLogin.variables,
  ...turnstile.variables,
  ...console.variables,
  ...linkUrls.variables,
  ...browsers.variables,
  ...passkeys.variables,
  ...limits.variables,
  ...logging.variables,
  ...mail.variables,
  ...metrics.variables,
});

/** The variables that hold secrets, marked with * in docs/configuration.md. */
export const SECRET_VARIABLES = [
  "AUTH_SECRET",
  "AUTH_SECRET_PREVIOUS",
  "TURNSTILE_SECRET_KEY",
  "SMTP_PASSWORD",
  "RESEND_API_KEY",
  "METRICS_TOKEN",
] as const satisfies (keyof z.output<typeof environment>)[];

/** The variables whose values are hidden from operators. A DSN contains a key, which may or may not be public. */
const HIDDEN_VARIABLES: ReadonlySet<string> = new Set([...SECRET_VARIABLES, "SENTRY_DSN"]);

/** Variables of earlier versions that would now be ignored, each with what to do instead. */
export const RETIRED_VARIABLES = sessions.retired;

export type Config = Readonly<ReturnType<typeof parseConfig>>;

/** The configuration without `settings`, the list of all variables and their values. */
export type ParsedConfig = ReturnType<typeof configOf>;

/** The message names every wrong variable, and never contains the value of a secret. */
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
  const { development, publicUrl } = deployment.toConfig(values);
  const transport = mail.transportOf(values, development);
  const faults = [
    ...retired,
    ...deployment.contradictions(publicUrl, development),
    ...authSecret.contradictions(values, development),
    ...sessions.contradictions(values),
    ...hashing.contradictions(values, development),
    ...newAccounts.contradictions(values, values.LOG_LEVEL),
    ...turnstile.contradictions(values, development),
    ...passkeys.contradictions(values, publicUrl),
    ...limits.contradictions(values, development),
    ...mail.contradictions(values, transport, development),
    ...metrics.contradictions(values, development),
  ];
  if (faults.length > 0 || publicUrl === undefined || transport === undefined) throw new ConfigurationError(faults);
  const config = configOf(values, publicUrl, transport);
  const variables = { names: namesOf(environment.shape), secrets: HIDDEN_VARIABLES };
  return { ...config, settings: settingsInForce(given, values, variables, config) } as const;
}

function configOf(
  values: z.output<typeof environment>,
  publicUrl: string,
  transport: NonNullable<ReturnType<typeof mail.transportOf>>,
) {
  const { development, productName } = deployment.toConfig(values);
  const { clockTolerance, keys } = signingKeys.toConfig(values);
  const { accounts, audit, links: linkLifetimes } = lifetimes.toConfig(values);
  const { firstSuperuserEmail, registration, links: newAccountLinks } = newAccounts.toConfig(values);
  const { allowedHeaders, allowedOrigins, cookieSameSite } = browsers.toConfig(values);
  const factorRules = secondFactor.toConfig(values, development);
  const isNeverAlone = factorRules.policy === "required" && factorRules.grace === 0;
  return {
    development,
    publicUrl,
    productName,
    securityContact: vulnerabilities.toConfig(values),
    secret: authSecret.toConfig(values),
    tokens: { ...accessTokens.toConfig(values, publicUrl), clockTolerance },
    keys,
    sessions: {
      ...sessions.toConfig(values),
      ...reauthentication.toConfig(values),
      ...trustedDevices.toConfig(values),
      cookieSameSite,
    },
    secondFactor: factorRules,
    passwords: { ...passwordRules.toConfig(values, { development, isNeverAlone }), ...hashing.toConfig(values) },
    accounts,
    audit,
    firstSuperuserEmail,
    registration,
    ...emailLogin.toConfig(values),
    ...emailCodes.toConfig(values),
    ...console.toConfig(values),
    turnstile: turnstile.toConfig(values),
    links: { ...linkUrls.toConfig(values, publicUrl), ...linkLifetimes, ...newAccountLinks },
    allowedOrigins,
    allowedHeaders,
    passkeys: passkeys.toConfig(values, publicUrl, allowedOrigins),
    limits: limits.toConfig(values),
    ...logging.toConfig(values, values.ENVIRONMENT),
    metrics: metrics.toConfig(values),
    mail: mail.toConfig(values, transport, { productName, publicUrl }),
  } as const;
}
