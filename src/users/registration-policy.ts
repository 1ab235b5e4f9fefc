/**
 * Who may have an account, according to the variables `REGISTRATION` and `ALLOWED_EMAIL_DOMAINS`. These checks run
 * before any database lookup, so the response does not depend on whether the address has an account.
 */
import type { Config } from "../config/config.ts";
import { newPassword } from "../passwords/policy.ts";
import { isOfAllowedDomain } from "../platform/email-address.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import { emailAddress, emailDocumentation, username } from "./fields.ts";
import { profileShape } from "./profile-fields.ts";

/** The fields that a client sends to create an account. With `EMAIL_LOGIN=on`, the account needs no password. */
export function newAccountShape(config: Config) {
  const password = newPassword(config.passwords);
  return {
    email: allowedEmailAddress(config),
    username,
    password: config.emailLogin ? password.optional() : password,
    ...profileShape,
  };
}

/** Refuses registrations if only invited people may open an account, or if registration is closed. */
export function refuseRegistration({
  registration: { policy },
}: Config): Refusal<"invitation_required" | "registration_closed"> | undefined {
  if (policy === "open") return undefined;
  return refuse(policy === "invitation" ? "invitation_required" : "registration_closed");
}

/** Refuses invitations if registration is closed: none can be sent, and none can be accepted. */
export function refuseInvitation({ registration: { policy } }: Config): Refusal<"registration_closed"> | undefined {
  return policy === "closed" ? refuse("registration_closed") : undefined;
}

/** An address of an allowed domain, or of any domain if none is listed. Needs no database lookup. */
export function allowedEmailAddress({ registration: { emailDomains } }: Pick<Config, "registration">) {
  return emailAddress
    .refine((email) => isOfAllowedDomain(email, emailDomains), {
      params: { code: "domain_not_allowed" },
      message: "Email addresses from this domain aren't accepted. Use a different one.",
      // Skipped if the text is not an email address.
      when: ({ issues }) => issues.length === 0,
    })
    .meta(emailDocumentation);
}
