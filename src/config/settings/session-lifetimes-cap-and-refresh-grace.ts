/**
 * The lifetimes of sessions and refresh tokens, the grace period for a used refresh token, and the number of sessions
 * that a user may have.
 */
import { DAY, SECOND } from "../../platform/clock.ts";
import { givenNumber, unless, type ValuesOf, wholeNumber } from "../values.ts";

/** The default lifetime of a refresh token. If `SESSION_MAX_DAYS` is lower, that value is the default instead. */
const DEFAULT_REFRESH_DAYS = 7;

export const variables = {
  REFRESH_TOKEN_EXPIRE_DAYS: givenNumber(1, 365).optional(),
  SESSION_MAX_DAYS: wholeNumber(30, 1, 365),
  REFRESH_GRACE_SECONDS: wholeNumber(30, 0, 60),
  SESSIONS_PER_USER: wholeNumber(50, 1, 1_000),
};

/** Variables of earlier versions that would now be ignored, each with what to do instead. */
export const retired = {
  SESSION_IDLE_DAYS:
    "was replaced: remove it. REFRESH_TOKEN_EXPIRE_DAYS ends a session that is not refreshed for this long, and SESSION_MAX_DAYS ends every session.",
};

type Values = ValuesOf<typeof variables>;

export function toConfig(values: Values) {
  const days = values.SESSION_MAX_DAYS;
  return {
    lifetime: days * DAY,
    idleLifetime: (values.REFRESH_TOKEN_EXPIRE_DAYS ?? Math.min(DEFAULT_REFRESH_DAYS, days)) * DAY,
    maximum: values.SESSIONS_PER_USER,
    refreshGrace: values.REFRESH_GRACE_SECONDS * SECOND,
  } as const;
}

export function contradictions({ REFRESH_TOKEN_EXPIRE_DAYS: refresh = 0, SESSION_MAX_DAYS: days }: Values): string[] {
  return unless(
    refresh <= days,
    `REFRESH_TOKEN_EXPIRE_DAYS is longer than SESSION_MAX_DAYS (${days}), which ends every session: raise SESSION_MAX_DAYS, or lower REFRESH_TOKEN_EXPIRE_DAYS.`,
  );
}
