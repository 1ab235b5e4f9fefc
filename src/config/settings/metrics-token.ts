/** The token that a client of `/metrics` must send. */
import * as z from "zod";
import { LEAST_SECRET_LENGTH } from "../../platform/secret-strength.ts";
import { GOOD_SECRET, type ValuesOf, weakSecret } from "../values.ts";

/** A secret that can be sent as a Bearer token (RFC 6750 §2.1). */
const bearerSecret = z
  .string()
  .regex(
    new RegExp(`^[\\w.~+/-]{${LEAST_SECRET_LENGTH},}=*$`),
    `takes at least ${LEAST_SECRET_LENGTH} letters, digits or -._~+/, with = only at the end: ${GOOD_SECRET}`,
  );

export const variables = { METRICS_TOKEN: bearerSecret.optional() };

type Values = ValuesOf<typeof variables>;

export function toConfig({ METRICS_TOKEN }: Values) {
  return { token: METRICS_TOKEN } as const;
}

export function contradictions({ METRICS_TOKEN }: Values, development: boolean): string[] {
  return development ? [] : weakSecret("METRICS_TOKEN", METRICS_TOKEN);
}
