/** Parsers and checks that the topics in `settings/` share. A parser's error message says what the variable takes. */
import * as z from "zod";
import { weaknessOf } from "../platform/secret-strength.ts";
import { withoutSpacesAround } from "../platform/spaces.ts";

/** The parsed values of some variables. */
export type ValuesOf<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** A whole number within bounds, with a default. */
export function wholeNumber(fallback: number, least: number, most: number) {
  return givenNumber(least, most).default(fallback);
}

/** A whole number within bounds. */
export function givenNumber(least: number, most: number) {
  const says = `takes a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, says)
    .transform(Number)
    .pipe(z.number().min(least, says).max(most, says));
}

/** One of a set of words. */
export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `takes one of ${values.join(", ")}`);
}

/** An absolute http or https URL. The parsed value has no trailing slash. */
export const httpUrl = z
  .string()
  .refine(isHttpUrl, "takes an absolute http(s) URL, without query or fragment")
  .transform((text) => text.replace(/\/+$/, ""));

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "";
}

/** The items of a comma-separated list. */
export function readList(text: string): string[] {
  return text
    .split(",")
    .map(withoutSpacesAround)
    .filter((item) => item !== "");
}

/** How to replace a missing or weak secret. */
export const GOOD_SECRET = "openssl rand -base64 48 makes a good one";

/** The fault of a secret that is easy to guess. Empty for a strong secret, and if none is set. */
export function weakSecret(name: string, value: string | undefined): string[] {
  const weakness = value === undefined ? undefined : weaknessOf(value);
  return unless(weakness === undefined, `${name} ${weakness}: ${GOOD_SECRET}.`);
}

/** The fault as a list with one item, or an empty list if the condition holds. */
export function unless(holds: boolean, fault: string): string[] {
  return holds ? [] : [fault];
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a host name means this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}
