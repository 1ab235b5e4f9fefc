/** Which new passwords are accepted. */
import { givenNumber, oneOf, type ValuesOf, wholeNumber } from "../values.ts";

/** The longest password that any configuration allows, in code points. Bounds the cost of hashing. */
export const MAX_PASSWORD_LENGTH = 256;

/**
 * The minimum length of a password that alone is enough for a login, and of a password that needs a second factor (NIST
 * SP 800-63B-4 §3.1.1.2).
 */
const ALONE = 15;
const WITH_FACTOR = 8;

export const variables = {
  PASSWORD_MIN_LENGTH: givenNumber(WITH_FACTOR, 64).optional(),
  PASSWORD_MAX_LENGTH: wholeNumber(MAX_PASSWORD_LENGTH, 64, MAX_PASSWORD_LENGTH),
  BREACHED_PASSWORD_CHECK: oneOf(["on", "off", "required"]).optional(),
  BREACHED_PASSWORD_TIMEOUT_MILLISECONDS: wholeNumber(1_500, 100, 10_000),
};

/** `isNeverAlone`: whether every login with a password also needs a second factor. */
export function toConfig(
  values: ValuesOf<typeof variables>,
  { development, isNeverAlone }: { development: boolean; isNeverAlone: boolean },
) {
  const { PASSWORD_MIN_LENGTH: given } = values;
  return {
    minimumLength: given ?? (isNeverAlone ? WITH_FACTOR : ALONE),
    /** For a user who must have a second factor, and whose grace period has ended. */
    minimumLengthWithFactor: given ?? WITH_FACTOR,
    maximumLength: values.PASSWORD_MAX_LENGTH,
    // Off in development: the machine may be offline, and examples use known passwords.
    breachCheck: values.BREACHED_PASSWORD_CHECK ?? (development ? "off" : "on"),
    breachTimeout: values.BREACHED_PASSWORD_TIMEOUT_MILLISECONDS,
  } as const;
}
