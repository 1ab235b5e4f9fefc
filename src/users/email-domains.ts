/** Whose addresses are accepted: the variable `ALLOWED_EMAIL_DOMAINS`. The same judgement wherever an address comes in. */
import type { Config } from "../config/config.ts";
import { emailAddress } from "./fields.ts";

/** An address of an allowed domain; of any domain where none is listed. Nobody is looked up for it. */
export function allowedEmailAddress({ registration: { emailDomains } }: Pick<Config, "registration">) {
  return emailAddress
    .refine((email) => isOfAllowedDomain(email, emailDomains), {
      params: { code: "domain_not_allowed" },
      message: "Addresses of this domain are not accepted here. Use one of another domain.",
      // What is no address is told that alone.
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
