/** Who may get an account: by registering, by an invitation, or as the first superuser. */
import * as z from "zod";
import { HOUR } from "../../platform/clock.ts";
import { canonicalDomain, canonicalEmail, isDomain, isEmail, isOfAllowedDomain } from "../../platform/email-address.ts";
import type { LogLevel } from "../../platform/log.ts";
import { oneOf, readList, unless, type ValuesOf, wholeNumber } from "../values.ts";

/**
 * How long a link for the first superuser works. Short, because the link is in the log, which others may read later.
 */
const FIRST_SUPERUSER_LINK_LIFETIME = 1 * HOUR;

/** A comma-separated list of domains in their stored form. */
const domains = z
  .string()
  .default("")
  .transform((text) =>
    readList(text).map((domain) =>
      domain.startsWith("*.") ? `*.${canonicalDomain(domain.slice(2))}` : canonicalDomain(domain),
    ),
  )
  .refine(
    (list) => list.every(isDomainPattern),
    "takes domains like example.com or *.example.com, separated by commas",
  );

/** An email address, in its stored form. */
const email = z.string().overwrite(canonicalEmail).refine(isEmail, "takes an email address");

export const variables = {
  REGISTRATION: oneOf(["open", "invitation", "closed"]).default("open"),
  ALLOWED_EMAIL_DOMAINS: domains,
  INVITATION_EXPIRE_HOURS: wholeNumber(24, 1, 24),
  FIRST_SUPERUSER_EMAIL: email.optional(),
};

type Values = ValuesOf<typeof variables>;

export function toConfig(values: Values) {
  return {
    firstSuperuserEmail: values.FIRST_SUPERUSER_EMAIL,
    registration: { policy: values.REGISTRATION, emailDomains: values.ALLOWED_EMAIL_DOMAINS },
    links: {
      firstSuperuserLifetime: FIRST_SUPERUSER_LINK_LIFETIME,
      invitationLifetime: values.INVITATION_EXPIRE_HOURS * HOUR,
    },
  } as const;
}

export function contradictions(
  { FIRST_SUPERUSER_EMAIL: first, ALLOWED_EMAIL_DOMAINS: allowed }: Values,
  logLevel: LogLevel,
): string[] {
  if (first === undefined) return [];
  return [
    ...unless(
      isOfAllowedDomain(first, allowed),
      "FIRST_SUPERUSER_EMAIL is at a domain that ALLOWED_EMAIL_DOMAINS does not list.",
    ),
    ...unless(
      logLevel !== "error",
      "FIRST_SUPERUSER_EMAIL needs LOG_LEVEL=warn or info: LOG_LEVEL=error leaves the link out of the log.",
    ),
  ];
}

/** `example.com` or `*.example.com`. */
function isDomainPattern(text: string): boolean {
  const domain = text.replace(/^\*\./, "");
  return domain.includes(".") && isDomain(domain);
}
