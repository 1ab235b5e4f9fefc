/** The contact for researchers who report a vulnerability. */
import * as z from "zod";
import type { ValuesOf } from "../values.ts";

/** RFC 9116 §2.5.3: a URI; web addresses must begin with https. */
const contact = z
  .string()
  .max(200, "takes at most 200 characters")
  .regex(
    /^(?:https:\/\/|mailto:|tel:)[!-~]+$/,
    "takes an address like mailto:security@example.com or https://example.com/security",
  );

export const variables = { SECURITY_CONTACT: contact.optional() };

type Values = ValuesOf<typeof variables>;

export function toConfig({ SECURITY_CONTACT }: Values) {
  return SECURITY_CONTACT;
}
