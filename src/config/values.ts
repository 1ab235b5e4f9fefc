/** Parsers for the values of variables. Each parses a text, or says what the variable takes. */
import * as z from "zod";
import { canonicalDomain, canonicalEmail, isDomain, isEmail, isLocalPart } from "../platform/email-address.ts";
import { LEAST_SECRET_LENGTH } from "../platform/secret-strength.ts";
import { withoutSpacesAround } from "../platform/spaces.ts";

/** A whole number within bounds, with a default. */
export function wholeNumber(fallback: number, least: number, most: number) {
  return givenNumber(least, most).default(fallback);
}

/** A whole number within bounds. */
export function givenNumber(least: number, most: number) {
  const says = `takes a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, says)
    .transform(Number)
    .pipe(z.number().min(least, says).max(most, says));
}

/** One of a set of words. */
export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `takes one of ${values.join(", ")}`);
}

/** How to replace a missing or weak secret. */
export const GOOD_SECRET = "openssl rand -base64 48 makes a good one";

export const secret = z
  .string("is missing")
  .min(LEAST_SECRET_LENGTH, `takes at least ${LEAST_SECRET_LENGTH} characters: ${GOOD_SECRET}`);

/** A secret that can be sent as a Bearer token (RFC 6750 §2.1). */
export const bearerSecret = z
  .string()
  .regex(
    new RegExp(`^[\\w.~+/-]{${LEAST_SECRET_LENGTH},}=*$`),
    `takes at least ${LEAST_SECRET_LENGTH} letters, digits or -._~+/, with = only at the end: ${GOOD_SECRET}`,
  );

/** An RFC 6749 client id (Appendix A.11) that can't be a user's `sub`, which is a UUID (RFC 9700 §4.15). */
export const clientId = z
  .string()
  .regex(
    /^(?![\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$)[\x21-\x7e]{1,128}$/i,
    "takes 1 to 128 printable ASCII characters without a space, and no UUID",
  )
  .default("postern");

/** A URL, without a trailing slash. */
export const httpUrl = z
  .string()
  .refine(isHttpUrl, "takes an absolute http(s) URL, without query or fragment")
  .transform((text) => text.replace(/\/+$/, ""));

/** A comma-separated list of origins (RFC 6454 §6.2). */
export const origins = z
  .string()
  .default("")
  .transform(readList)
  .refine(
    (list) => list.every(isOrigin),
    "takes origins like https://app.example.com or capacitor://localhost, separated by commas",
  );

/** A comma-separated list of header names (RFC 9110 §5.1). The default is what tracing tools add to requests. */
export const headerNames = z
  .string()
  .default("traceparent,tracestate,baggage,sentry-trace")
  .transform(readList)
  .refine((list) => list.every(isHeaderName), "takes names of headers like traceparent, separated by commas");

/** A comma-separated list of domains in their stored form. */
export const domains = z
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
export const email = z.string().overwrite(canonicalEmail).refine(isEmail, "takes an email address");

/**
 * The sender of emails: an address or `Name <address>`. The domain may be the name of a single host. It comes back in
 * its stored form, because it also goes into the SMTP greeting and into Message-IDs.
 */
export const mailSender = z
  .string()
  .overwrite(withoutSpacesAround)
  .transform((text, context) => {
    const [, name, bracketed] = /^([^<>\p{Cc}\u2028\u2029]{1,80}) <([^<>]+)>$/u.exec(text) ?? [];
    const [local = "", typedDomain = "", ...more] = (bracketed ?? text).split("@");
    const domain = canonicalDomain(typedDomain);
    if (isLocalPart(local) && isDomain(domain) && more.length === 0) {
      const address = `${local}@${domain}`;
      return name === undefined ? address : `${name} <${address}>`;
    }
    context.addIssue({ code: "custom", message: "takes an address, or Name <address>" });
    return z.NEVER;
  });

function readList(text: string): string[] {
  return text
    .split(",")
    .map(withoutSpacesAround)
    .filter((item) => item !== "");
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "";
}

/** `example.com` or `*.example.com`. */
function isDomainPattern(text: string): boolean {
  const domain = text.replace(/^\*\./, "");
  return domain.includes(".") && isDomain(domain);
}

/**
 * An origin as browsers send it. For another scheme, such as the one of an app, they send the scheme and the host. The
 * URL standard makes the origin of such a URL opaque, so it can't be compared with `URL.origin`.
 */
function isOrigin(text: string): boolean {
  if (isHttpUrl(text)) return new URL(text).origin === text;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/[\w.~-]+(:\d{1,5})?$/.exec(text)?.[1];
  return scheme !== undefined && !WITHOUT_APPS.has(scheme);
}

/** Schemes of the URL standard and of browsers. No app has pages of these schemes that send their origin. */
const WITHOUT_APPS = new Set(["http", "https", "ws", "wss", "ftp", "file", "data", "blob", "javascript", "about"]);

/** The asterisk would be taken for a name: requests with credentials have no wildcard (Fetch standard, CORS). */
function isHeaderName(text: string): boolean {
  return /^[a-z][\w-]{0,63}$/i.test(text);
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a host name means this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}
