/** How long a device stays trusted. Logins from a trusted device need no second factor. */
import { DAY } from "../../platform/clock.ts";
import { type ValuesOf, wholeNumber } from "../values.ts";

export const variables = { TRUSTED_DEVICE_DAYS: wholeNumber(30, 0, 365) };

export function toConfig({ TRUSTED_DEVICE_DAYS: days }: ValuesOf<typeof variables>) {
  return {
    /** In days. If 0, no device can become trusted, and the tokens of trusted devices are refused. */
    trustedDeviceDays: days,
    trustedDeviceLifetime: days * DAY,
  } as const;
}
