/** When signing keys rotate, and how far the clocks of machines may differ. */
import { DAY, MINUTE, SECOND } from "../../platform/clock.ts";
import { type ValuesOf, wholeNumber } from "../values.ts";

export const variables = {
  CLOCK_TOLERANCE_SECONDS: wholeNumber(5, 0, 60),
  KEY_ROTATION_DAYS: wholeNumber(30, 1, 365),
  KEY_PUBLISH_LEAD_MINUTES: wholeNumber(60, 15, 1_440),
};

export function toConfig(values: ValuesOf<typeof variables>) {
  return {
    clockTolerance: values.CLOCK_TOLERANCE_SECONDS * SECOND,
    keys: {
      signingPeriod: values.KEY_ROTATION_DAYS * DAY,
      publishLead: values.KEY_PUBLISH_LEAD_MINUTES * MINUTE,
    },
  } as const;
}
