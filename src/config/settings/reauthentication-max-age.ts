/** How old a login or reauthentication may be for a request that needs a recent one (RFC 9470). */
import { MINUTE } from "../../platform/clock.ts";
import { type ValuesOf, wholeNumber } from "../values.ts";

export const variables = { REAUTHENTICATION_MAX_AGE_MINUTES: wholeNumber(15, 1, 1_440) };

export function toConfig({ REAUTHENTICATION_MAX_AGE_MINUTES }: ValuesOf<typeof variables>) {
  return { reauthenticationMaxAge: REAUTHENTICATION_MAX_AGE_MINUTES * MINUTE } as const;
}
