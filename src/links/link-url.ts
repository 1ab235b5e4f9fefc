import type { Secrets } from "../platform/crypto.ts";
import { type LinkPurpose, signLink } from "./link-tokens.ts";

/**
 * The URL of an email's button. The token is in the fragment, so no server logs it, and a mail scanner that only opens
 * the link does not spend it.
 */
export function linkUrl(
  page: string,
  purpose: LinkPurpose,
  link: Parameters<typeof signLink>[1],
  secrets: Secrets,
): string {
  return `${page}#token=${signLink(purpose, link, secrets)}`;
}
