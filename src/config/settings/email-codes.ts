/** Whether users can choose codes by email as their second factor. */
import { oneOf, type ValuesOf } from "../values.ts";

export const variables = { EMAIL_CODES: oneOf(["off", "on"]).default("off") };

export function toConfig({ EMAIL_CODES }: ValuesOf<typeof variables>) {
  return { emailCodes: EMAIL_CODES === "on" } as const;
}
