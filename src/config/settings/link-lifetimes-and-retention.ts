/** How long emailed links work, and how long data is kept before the cron job deletes it. */
import { DAY, HOUR, MINUTE } from "../../platform/clock.ts";
import { type ValuesOf, wholeNumber } from "../values.ts";

export const variables = {
  EMAIL_VERIFICATION_EXPIRE_HOURS: wholeNumber(24, 1, 24),
  RESET_PASSWORD_EXPIRE_MINUTES: wholeNumber(60, 5, 60),
  UNVERIFIED_ACCOUNT_EXPIRE_DAYS: wholeNumber(30, 1, 365),
  EMAIL_CHANGE_UNDO_DAYS: wholeNumber(7, 1, 30),
  USERNAME_RETIREMENT_DAYS: wholeNumber(90, 0, 3_650),
  AUDIT_RETENTION_DAYS: wholeNumber(365, 1, 3_650),
};

export function toConfig(values: ValuesOf<typeof variables>) {
  return {
    accounts: {
      unverifiedLifetime: values.UNVERIFIED_ACCOUNT_EXPIRE_DAYS * DAY,
      usernameRetirement: values.USERNAME_RETIREMENT_DAYS * DAY,
    },
    audit: { retention: values.AUDIT_RETENTION_DAYS * DAY },
    links: {
      undoEmailChangeLifetime: values.EMAIL_CHANGE_UNDO_DAYS * DAY,
      resetPasswordLifetime: values.RESET_PASSWORD_EXPIRE_MINUTES * MINUTE,
      verifyEmailLifetime: values.EMAIL_VERIFICATION_EXPIRE_HOURS * HOUR,
    },
  } as const;
}
