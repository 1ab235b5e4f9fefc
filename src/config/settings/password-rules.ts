/** Which new passwords are accepted. */
import { oneOf, type ValuesOf, wholeNumber } from "../values.ts";

/** The longest password in code points under any configuration. It bounds the cost of hashing; never truncated. */
export const MAX_PASSWORD_LENGTH = 256;

export const variables = {
  PASSWORD_MIN_LENGTH: wholeNumber(15, 8, 64),
  PASSWORD_MAX_LENGTH: wholeNumber(MAX_PASSWORD_LENGTH, 64, MAX_PASSWORD_LENGTH),
  BREACHED_PASSWORD_CHECK: oneOf(["on", "off", "required"]).optional(),
  BREACHED_PASSWORD_TIMEOUT_MILLISECONDS: wholeNumber(1_500, 100, 10_000),
};

export function toConfig(values: ValuesOf<typeof variables>, development: boolean) {
  return {
    minimumLength: values.PASSWORD_MIN_LENGTH,
    maximumLength: values.PASSWORD_MAX_LENGTH,
    // Off in development, which may be offline and use the passwords of examples.
    breachCheck: values.BREACHED_PASSWORD_CHECK ?? (development ? "off" : "on"),
    breachTimeout: values.BREACHED_PASSWORD_TIMEOUT_MILLISECONDS,
  } as const;
}
