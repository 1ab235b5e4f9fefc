/** The secret that every key is derived from, and the previous secret during a rotation. */
import * as z from "zod";
import { LEAST_SECRET_LENGTH } from "../../platform/secret-strength.ts";
import { GOOD_SECRET, unless, type ValuesOf, weakSecret } from "../values.ts";

const secret = z
  .string("is missing")
  .min(LEAST_SECRET_LENGTH, `takes at least ${LEAST_SECRET_LENGTH} characters: ${GOOD_SECRET}`);

export const variables = {
  AUTH_SECRET: secret,
  AUTH_SECRET_PREVIOUS: secret.optional(),
};

type Values = ValuesOf<typeof variables>;

export function toConfig({ AUTH_SECRET, AUTH_SECRET_PREVIOUS }: Values) {
  return { current: AUTH_SECRET, previous: AUTH_SECRET_PREVIOUS } as const;
}

export function contradictions({ AUTH_SECRET, AUTH_SECRET_PREVIOUS }: Values, development: boolean): string[] {
  return [
    ...unless(
      AUTH_SECRET !== AUTH_SECRET_PREVIOUS,
      "AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET: set it to the previous secret, or leave it out.",
    ),
    ...(development
      ? []
      : [...weakSecret("AUTH_SECRET", AUTH_SECRET), ...weakSecret("AUTH_SECRET_PREVIOUS", AUTH_SECRET_PREVIOUS)]),
  ];
}
