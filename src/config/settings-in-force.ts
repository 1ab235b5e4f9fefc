/** Lists every variable with the value in force, for operators. Never includes the value of a secret. */
import { DAY } from "../platform/clock.ts";
import type { ParsedConfig } from "./config.ts";

export interface Setting {
  name: string;
  /** The value as text, in the form that the variable takes; `null` if there is no value, and for a secret. */
  value: string | null;
  isSecret: boolean;
  /** Whether the environment sets the variable. */
  isSet: boolean;
}

/**
 * `given` has the environment's texts, and `values` the parsed variables with defaults. `secrets` has the names of the
 * variables whose values are left out.
 */
export function settingsInForce(
  given: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
  { names, secrets }: { names: readonly string[]; secrets: ReadonlySet<string> },
  config: ParsedConfig,
): Setting[] {
  const derived = derivedDefaults(config);
  return names.map((name) => {
    const isSecret = secrets.has(name);
    const value = isSecret ? null : (textOf(values[name]) ?? derived[name] ?? textOf(given[name]) ?? null);
    return { name, value, isSecret, isSet: Object.hasOwn(given, name) };
  });
}

/** The text of a parsed value; `undefined` if it has no simple text, such as the rules of limits. */
function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** The defaults that depend on other variables. */
function derivedDefaults(config: ParsedConfig): Readonly<Record<string, string | undefined>> {
  const { links, mail, passkeys, passwords, publicUrl, secondFactor, sentry, sessions, tokens } = config;
  return {
    PUBLIC_URL: publicUrl,
    JWT_AUDIENCE: tokens.audience,
    REFRESH_TOKEN_EXPIRE_DAYS: String(sessions.idleLifetime / DAY),
    SECOND_FACTOR: secondFactor.policy,
    PASSWORD_MIN_LENGTH: String(passwords.minimumLength),
    BREACHED_PASSWORD_CHECK: passwords.breachCheck,
    VERIFY_EMAIL_URL: links.verifyEmailUrl,
    RESET_PASSWORD_URL: links.resetPasswordUrl,
    CONFIRM_EMAIL_URL: links.confirmEmailUrl,
    UNDO_EMAIL_CHANGE_URL: links.undoEmailChangeUrl,
    INVITATION_URL: links.invitationUrl,
    EMAIL_LOGIN_URL: links.emailLoginUrl,
    PASSKEY_RP_ID: passkeys.rpId,
    MAIL_TRANSPORT: mail.transport,
    MAIL_FROM: mail.from,
    SENTRY_ENVIRONMENT: sentry.environment,
  };
}
