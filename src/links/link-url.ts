import type { Secrets } from "../platform/crypto.ts";
import { unicodeEmail } from "../platform/email-address.ts";
import { invitationState } from "./link-states.ts";
import { type LinkPurpose, signLink } from "./link-tokens.ts";

/**
 * The URL of an email's button. The token is in the fragment, so no server logs it. A mail scanner that only opens the
 * link does not spend the token.
 */
export function linkUrl(
  page: string,
  purpose: LinkPurpose,
  link: Parameters<typeof signLink>[1],
  secrets: Secrets,
): string {
  return `${page}#token=${signLink(purpose, link, secrets)}`;
}

/**
 * The URL that verifies an address. If the account has no password, says so to the page, which then leads to the login by
 * email.
 */
export function verificationUrl(
  page: string,
  link: Omit<Parameters<typeof signLink>[1], "state">,
  hasPassword: boolean,
  secrets: Secrets,
): string {
  const url = linkUrl(page, "verify-email", { ...link, state: [] }, secrets);
  return hasPassword ? url : `${url}&login=email`;
}

/**
 * The URL of an invitation for an address. It contains the address, because the token only has a fingerprint of it. The
 * page reads the address from the URL and sends it with the token.
 */
export function invitationUrl(
  page: string,
  purpose: "invitation" | "first-superuser",
  { email, ...link }: Omit<Parameters<typeof signLink>[1], "state"> & { email: string },
  secrets: Secrets,
): string {
  const url = linkUrl(page, purpose, { ...link, state: invitationState(email) }, secrets);
  return `${url}&email=${linkText(unicodeEmail(email))}`;
}

/**
 * Encodes a text for the URL of an email. In plain text, some email programs end a link at characters that a URL may
 * contain, such as quotation marks.
 */
function linkText(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
