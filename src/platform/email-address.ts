/**
 * Email addresses as they are typed, stored and shown. Two spellings of one mailbox must be one account, so an address
 * has one stored form. The stored form is in Unicode's form NFC and in lower case, and its domain is in ASCII (UTS 46:
 * `bücher.example` is `xn--bcher-kva.example`). RFC 5321 §2.4 makes local parts case-sensitive, but no email provider
 * in use distinguishes their case.
 *
 * A valid address is a dot-string (RFC 5321 §4.1.2), an `@` and a domain. Quoted local parts and IP addresses are
 * refused, because no provider gives people such addresses. Local parts with non-ASCII characters (RFC 6531) are
 * refused too, because some transports can't deliver to them.
 */
import { domainToASCII, domainToUnicode } from "node:url";
import { withoutSpacesAround } from "./spaces.ts";

/** In octets of the stored form: the 256 of a path (RFC 5321 §4.5.3.1.3), without its two angle brackets. */
export const LONGEST_EMAIL = 254;

/** In octets (RFC 5321 §4.5.3.1.1). */
const LONGEST_LOCAL_PART = 64;

/** In octets. The 255 of RFC 1035 §2.3.4 also count the length octet of the first label and the final zero. */
const LONGEST_DOMAIN = 253;

/**
 * In UTF-16 units. A text beyond this length is not an address. The limit also saves time, because the ASCII form of a
 * long text takes long to compute.
 */
const LONGEST_TYPED = 1_000;

/** One or more atoms of RFC 5322 §3.2.3, with dots between them. */
const DOT_STRING = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/** Labels of RFC 1123 §2.1. The last label can't be a number, because then the name could be an IP address. */
const HOST_NAME = new RegExp(`^(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`);

/** The stored form of an address. Doesn't check whether the text is an address: {@link isEmail} does. */
export function canonicalEmail(typed: string): string {
  const text = withoutSpacesAround(typed);
  if (text.length > LONGEST_TYPED) return text;
  const { local, domain } = partsOf(text.normalize("NFC"));
  return local.toLowerCase() + canonicalDomain(domain);
}

/** Whether a text in the stored form is an address. */
export function isEmail(email: string): boolean {
  const { local, domain } = partsOf(email);
  return email.length <= LONGEST_EMAIL && isLocalPart(local.slice(0, -1)) && domain.includes(".") && isDomain(domain);
}

/** Whether a text may stand before the `@` of an address. */
export function isLocalPart(text: string): boolean {
  return text.length <= LONGEST_LOCAL_PART && DOT_STRING.test(text);
}

/** Whether the part before the `@`, if there is one, has only ASCII characters. */
export function hasAsciiLocalPart(email: string): boolean {
  return isAscii(partsOf(email).local);
}

/** An address as people read it: with the domain in Unicode. */
export function unicodeEmail(email: string): string {
  const { local, domain } = partsOf(email);
  return local + domainToUnicode(domain);
}

/**
 * The stored form of a domain. Doesn't check whether the text is a domain: {@link isDomain} does. Lower case follows
 * UTS 46, which differs from JavaScript: UTS 46 has no special Greek sigma for the end of a word.
 */
export function canonicalDomain(typed: string): string {
  // `domainToASCII` follows the rules of URLs, where some characters, such as the colon and the percent sign, have a
  // meaning. So a text with such a character is not converted.
  const isConvertible = !/[\0-\x7f]/.test(typed.replaceAll(/[a-z0-9.-]/gi, ""));
  return (isConvertible && domainToASCII(typed)) || typed.toLowerCase();
}

/** Whether a text in the stored form is a domain. A single label is a domain too. */
export function isDomain(domain: string): boolean {
  // In Unicode too, no label may begin or end with a hyphen (RFC 5891 §4.2.3.1). A label that begins with `xn--` but
  // can't be decoded is a fake A-label (RFC 5890 §2.3.2.1).
  const isHostName = domain.length <= LONGEST_DOMAIN && HOST_NAME.test(domain);
  return isHostName && domainToASCII(domain) === domain && !/(^|\.)(-|xn--)|-(\.|$)/.test(domainToUnicode(domain));
}

/**
 * Converts `typed`, the beginning of an address, into the possible beginnings of stored addresses. `typed` has no outer
 * spaces. In the ASCII form of a label, the label's ASCII characters come first. The rest is known only when the
 * label is complete. So `@bü` finds addresses at `bücher.example`, but also at `bäcker.example`.
 */
export function emailPrefixes(typed: string): string[] {
  const { local, domain } = partsOf(typed.normalize("NFKC"));
  if (local === "") return [domain.toLowerCase()];
  const [, complete = "", last = ""] = /^(.*[.。])?(.*)$/s.exec(domain) ?? [];
  const begun = last.toLowerCase();
  // The letter `x` stands for the last label. Without a last label, a domain that ends in a number, such as `163.`,
  // would be read as an IP address.
  const start = local.toLowerCase() + canonicalDomain(`${complete}x`).slice(0, -1);
  if (begun === "") return [start];
  const encoded = `${start}xn--${begun.replaceAll(/[^\0-\x7f]/g, "")}`;
  return isAscii(begun) ? [start + begun, encoded] : [encoded];
}

/**
 * Whether an address belongs to an allowed domain. An empty list allows every domain. `example.com` means only this
 * domain, and `*.example.com` means every domain below it. `email` and `domains` must be in their stored form.
 */
export function isOfAllowedDomain(email: string, domains: readonly string[]): boolean {
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return (
    domains.length === 0 ||
    domains.some((allowed) => (allowed.startsWith("*.") ? domain.endsWith(allowed.slice(1)) : domain === allowed))
  );
}

/** Splits an address after its last `@`. `local` includes the `@`, and is empty if there is none. */
function partsOf(email: string): { local: string; domain: string } {
  const end = email.lastIndexOf("@") + 1;
  return { local: email.slice(0, end), domain: email.slice(end) };
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
