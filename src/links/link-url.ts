import type { Secrets } from "../platform/crypto.ts";
import { unicodeEmail } from "../platform/email-address.ts";
import { invitationState } from "./link-states.ts";
import { type LinkPurpose, signLink } from "./link-tokens.ts";

/**
 * The URL of an email's button. The token is in the fragment, so no server logs it. An email scanner that only opens
 * the link does not use up the token. `returnTo` is not signed. The page passes it to the log-in page, which checks it.
 */
export function linkUrl(
  page: string,
  purpose: LinkPurpose,
  { returnTo, ...link }: Parameters<typeof signLink>[1] & { returnTo?: string | undefined },
  secrets: Secrets,
): string {
  const url = `${page}#token=${signLink(purpose, link, secrets)}`;
  return returnTo === undefined ? url : `${url}&return_to=${linkText(returnTo)}`;
}

/** The URL of the log-in page. The page checks `returnTo` when it is opened. */
export function loginUrl(publicUrl: string, returnTo: string | undefined): string {
  return returnTo === undefined ? `${publicUrl}/login` : `${publicUrl}/login?return_to=${linkText(returnTo)}`;
}

/**
 * The URL that verifies an address. If the account has no password, the URL says so, and the page then leads to the
 * login by email.
 */
export function verificationUrl(
  page: string,
  link: Omit<Parameters<typeof linkUrl>[2], "state">,
  hasPassword: boolean,
  secrets: Secrets,
): string {
  const url = linkUrl(page, "verify-email", { ...link, state: [] }, secrets);
  return hasPassword ? url : `${url}&login=email`;
}

/**
 * The URL of an invitation for an address. The URL contains the address, because the token only has its fingerprint.
 * The page reads the address from the URL and sends it with the token.
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
 * Encodes a text for a URL in an email. In plain text, some email programs end a link at characters that a URL may
 * contain, such as quotation marks.
 */
function linkText(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
