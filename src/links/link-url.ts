import type { Secrets } from "../platform/crypto.ts";
import { type LinkPurpose, sealLink } from "./link-tokens.ts";

/**
 * The address of a mail's button. The token is in the fragment: so it reaches no server's log, and no mail
 * scanner that merely opens the link spends it.
 */
export function linkUrl(
  page: string,
  purpose: LinkPurpose,
  link: Parameters<typeof sealLink>[1],
  secrets: Secrets,
): string {
  return `${page}#token=${sealLink(purpose, link, secrets)}`;
}
