/** The keys of Cloudflare Turnstile, which `limits/turnstile.ts` calls. */
import * as z from "zod";
import { unless, type ValuesOf } from "../values.ts";

/**
 * Cloudflare's test keys: the check always passes, always fails, or says that the token was already used.
 * https://developers.cloudflare.com/turnstile/troubleshooting/testing/
 */
const TEST_KEY = /^[123]x0{31}AA$/;

export const variables = {
  TURNSTILE_SECRET_KEY: z
    .string()
    .regex(/^\S{16,}$/, "takes the secret key of a Turnstile widget")
    .optional(),
  TURNSTILE_SITE_KEY: z
    .string()
    .regex(/^[\w-]{16,64}$/, "takes the site key of a Turnstile widget")
    .optional(),
};

type Values = ValuesOf<typeof variables>;

export function toConfig({ TURNSTILE_SECRET_KEY, TURNSTILE_SITE_KEY }: Values) {
  return { secretKey: TURNSTILE_SECRET_KEY, siteKey: TURNSTILE_SITE_KEY } as const;
}

export function contradictions(
  { TURNSTILE_SECRET_KEY: secretKey, TURNSTILE_SITE_KEY: siteKey }: Values,
  development: boolean,
): string[] {
  return [
    ...unless(
      development || !TEST_KEY.test(secretKey ?? ""),
      "TURNSTILE_SECRET_KEY is one of Cloudflare's test keys, which are for development only.",
    ),
    ...unless(
      siteKey === undefined || secretKey !== undefined,
      "TURNSTILE_SITE_KEY needs TURNSTILE_SECRET_KEY: without it, the service cannot check the widget's token.",
    ),
  ];
}
