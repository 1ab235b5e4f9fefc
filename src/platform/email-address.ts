/**
 * Email addresses as they are typed, stored and shown. Two spellings of one mailbox must be one account, so an address
 * has one stored form. It is in Unicode's form NFC and in lower case, and its domain is in ASCII (UTS 46:
 * `bücher.example` is `xn--bcher-kva.example`). RFC 5321 §2.4 makes local parts case-sensitive, but no email provider
 * in use treats them that way.
 *
 * A valid address is what RFC 5321 §4.1.2 calls a dot-string, an `@` and a domain. Quoted local parts and IP addresses
 * are refused, because no provider gives them to people. A local part beyond ASCII (RFC 6531) is refused too, because
 * not every transport can deliver to it.
 */
import { domainToASCII, domainToUnicode } from "node:url";
import { withoutSpacesAround } from "./spaces.ts";

/** In octets of the stored form: a path of 256 (RFC 5321 §4.5.3.1.3) without its angle brackets. */
export const LONGEST_EMAIL = 254;

/** In octets (RFC 5321 §4.5.3.1.1). */
const LONGEST_LOCAL_PART = 64;

/** In octets (RFC 1035 §2.3.4: 255 with the length of each label and the end). */
const LONGEST_DOMAIN = 253;

/**
 * In UTF-16 units. A text beyond this length is not an address. The limit also saves time, because the ASCII form of a
 * long text takes long to compute.
 */
const LONGEST_TYPED = 1_000;

/** One or more atoms of RFC 5322 §3.2.3, with dots between them. */
const DOT_STRING = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/** Labels by RFC 1123 §2.1. The last one is not a number: that would be an IP address. */
const HOST_NAME = new RegExp(`^(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`);

/** The stored form of an address. Doesn't check the text: {@link isEmail} refuses what is not an address. */
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
 * The stored form of a domain. Doesn't check the text: {@link isDomain} refuses what is not a domain. Lower case
 * follows UTS 46, which has rules of its own: it does not write a Greek sigma differently at the end of a word.
 */
export function canonicalDomain(typed: string): string {
  // `domainToASCII` follows the rules of URLs, in which a colon or a percent sign, for example, has a meaning. So a
  // text with such a character is not converted.
  const isConvertible = !/[\0-\x7f]/.test(typed.replaceAll(/[a-z0-9.-]/gi, ""));
  return (isConvertible && domainToASCII(typed)) || typed.toLowerCase();
}

/** Whether a text in the stored form is a domain. A single label is a domain too. */
export function isDomain(domain: string): boolean {
  // No label begins or ends with a hyphen in Unicode either (RFC 5891 §4.2.3.1). A label that begins with `xn--` but
  // can't be decoded is a fake A-label (RFC 5890 §2.3.2.1).
  const isHostName = domain.length <= LONGEST_DOMAIN && HOST_NAME.test(domain);
  return isHostName && domainToASCII(domain) === domain && !/(^|\.)(-|xn--)|-(\.|$)/.test(domainToUnicode(domain));
}

/**
 * Returns the prefixes of the stored addresses that a typed beginning of an address can mean. `typed` has no spaces
 * around it. In the ASCII form of a label, the label's ASCII characters come first; the rest is known only once the
 * label is complete. So `@bü` finds addresses at `bücher.example`, but also those at `bäcker.example`.
 */
export function emailPrefixes(typed: string): string[] {
  const { local, domain } = partsOf(typed.normalize("NFKC"));
  if (local === "") return [domain.toLowerCase()];
  const [, complete = "", last = ""] = /^(.*[.。])?(.*)$/s.exec(domain) ?? [];
  const begun = last.toLowerCase();
  // A letter stands for the last label. Without it, a domain that ends in a number, such as `163.`, would be read as an
  // IP address.
  const start = local.toLowerCase() + canonicalDomain(`${complete}x`).slice(0, -1);
  if (begun === "") return [start];
  const encoded = `${start}xn--${begun.replaceAll(/[^\0-\x7f]/g, "")}`;
  return isAscii(begun) ? [start + begun, encoded] : [encoded];
}

/**
 * Whether an address belongs to an allowed domain. An empty list allows every domain. `example.com` means only that
 * domain, `*.example.com` every domain below it. `email` and `domains` must be in their stored form.
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
