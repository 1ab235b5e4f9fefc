/** Whose addresses are accepted: the variable `ALLOWED_EMAIL_DOMAINS`. The same judgement wherever an address comes in. */
import type { Config } from "../config/config.ts";
import { emailAddress } from "./fields.ts";

/** An address of an allowed domain, or of any domain if none is listed. Needs no database lookup. */
export function allowedEmailAddress({ registration: { emailDomains } }: Pick<Config, "registration">) {
  return emailAddress
    .refine((email) => isOfAllowedDomain(email, emailDomains), {
      params: { code: "domain_not_allowed" },
      message: "Email addresses from this domain are not accepted. Use a different one.",
      // Skipped if the text is not an email address.
      when: ({ issues }) => issues.length === 0,
    })
    .meta({ format: "email", maxLength: 254, examples: ["ada@example.com"] });
}

/** `example.com` means that domain alone, `*.example.com` every domain below it. Both sides are lower-case. */
export function isOfAllowedDomain(email: string, domains: readonly string[]): boolean {
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return (
    domains.length === 0 ||
    domains.some((allowed) => (allowed.startsWith("*.") ? domain.endsWith(allowed.slice(1)) : domain === allowed))
  );
}
