/** Whether users can log in with a link that they get by email. */
import { oneOf, type ValuesOf } from "../values.ts";

export const variables = { EMAIL_LOGIN: oneOf(["off", "on"]).default("off") };

export function toConfig({ EMAIL_LOGIN }: ValuesOf<typeof variables>) {
  return { emailLogin: EMAIL_LOGIN === "on" } as const;
}
