/** Where the service runs, and the name that users see. */
import * as z from "zod";
import { httpUrl, isLoopback, oneOf, unless, type ValuesOf } from "../values.ts";

export const variables = {
  ENVIRONMENT: oneOf(["development", "production"]).default("production"),
  PUBLIC_URL: httpUrl.optional(),
  PRODUCT_NAME: z
    .string()
    .trim()
    .min(1, "takes a name")
    .max(80, "takes at most 80 characters")
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, "takes one line")
    .default("Postern"),
};

type Values = ValuesOf<typeof variables>;

/** `publicUrl` is `undefined` if it is missing in production, which `contradictions` reports. */
export function toConfig({ ENVIRONMENT, PUBLIC_URL, PRODUCT_NAME }: Values) {
  const development = ENVIRONMENT === "development";
  const publicUrl = PUBLIC_URL ?? (development ? "http://localhost:8787" : undefined);
  return { development, publicUrl, productName: PRODUCT_NAME };
}

export function contradictions(publicUrl: string | undefined, development: boolean): string[] {
  if (publicUrl === undefined) return ["PUBLIC_URL is missing: it takes the https URL of this service."];
  const { hostname, pathname, protocol } = new URL(publicUrl);
  return [
    ...unless(pathname === "/", "PUBLIC_URL takes no path: the service runs at the root of its host."),
    ...unless(
      !development || isLoopback(hostname),
      "ENVIRONMENT=development takes a PUBLIC_URL on localhost: anyone could read the emails at any other address.",
    ),
    ...unless(development || protocol === "https:", "PUBLIC_URL takes an https URL outside development."),
  ];
}
