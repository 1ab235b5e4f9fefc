/** What browser apps on other origins and sites may do. `http/cors.ts` answers their CORS requests. */
import * as z from "zod";
import { isHttpUrl, oneOf, readList, type ValuesOf } from "../values.ts";

/** A comma-separated list of origins (RFC 6454 §6.2). */
const origins = z
  .string()
  .default("")
  .transform(readList)
  .refine(
    (list) => list.every(isOrigin),
    "takes origins like https://app.example.com or capacitor://localhost, separated by commas",
  );

/** A comma-separated list of header names (RFC 9110 §5.1). The default: the headers that tracing tools add. */
const headerNames = z
  .string()
  .default("traceparent,tracestate,baggage,sentry-trace")
  .transform(readList)
  .refine((list) => list.every(isHeaderName), "takes names of headers like traceparent, separated by commas");

export const variables = {
  ALLOWED_ORIGINS: origins,
  ALLOWED_HEADERS: headerNames,
  COOKIE_SAME_SITE: oneOf(["strict", "lax", "none"]).default("strict"),
};

export function toConfig({ ALLOWED_ORIGINS, ALLOWED_HEADERS, COOKIE_SAME_SITE }: ValuesOf<typeof variables>) {
  return {
    allowedOrigins: ALLOWED_ORIGINS,
    allowedHeaders: ALLOWED_HEADERS,
    cookieSameSite: COOKIE_SAME_SITE,
  } as const;
}

/**
 * Whether a text is an origin as browsers send it. For a scheme other than http and https, such as that of a mobile
 * app, browsers send the scheme and the host. The URL standard makes the origin of such a URL opaque, so `URL.origin`
 * can't check it.
 */
function isOrigin(text: string): boolean {
  if (isHttpUrl(text)) return new URL(text).origin === text;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/[\w.~-]+(:\d{1,5})?$/.exec(text)?.[1];
  return scheme !== undefined && !WITHOUT_APPS.has(scheme);
}

/** Schemes of the URL standard and of browsers, which can't be an app's own scheme. */
const WITHOUT_APPS = new Set(["http", "https", "ws", "wss", "ftp", "file", "data", "blob", "javascript", "about"]);

/** Refuses `*`: in requests with credentials, browsers treat it as a name, not as a wildcard (Fetch standard, CORS). */
function isHeaderName(text: string): boolean {
  return /^[a-z][\w-]{0,63}$/i.test(text);
}
