/** What handlers know about the request, and how they change the response. Handlers never see Hono. */
import type { Context } from "hono";
import { setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import type { Config } from "../config/config.ts";
import { chooseLocale } from "../config/languages.ts";
import type { AppEnv } from "./app-env.ts";
import { clientAddress, clientAgent, clientCountry, clientNetwork } from "./client-address.ts";
import { hasAllowedOrigin } from "./request-origin.ts";

export type Client = ReturnType<typeof clientOf>;

export type Exchange = ReturnType<typeof exchangeOf>;

/**
 * Where a request comes from. Each value is computed only when a handler reads it, because most endpoints need few
 * values.
 */
export function clientOf(c: Context<AppEnv>) {
  return {
    /** The network that limits count as one client: an IPv4 address or an IPv6 /64. */
    get network() {
      return clientNetwork(c);
    },
    get ipAddress() {
      return clientAddress(c);
    },
    get userAgent() {
      return clientAgent(c);
    },
    /** The country of the IP address (ISO 3166-1 alpha-2); `null` if the platform does not know it. */
    get country() {
      return clientCountry(c);
    },
    /** The supported language that fits the client's `Accept-Language` header best. */
    get locale() {
      return chooseLocale(c.req.header("Accept-Language"));
    },
  };
}

export function exchangeOf(c: Context<AppEnv>, config: Config) {
  return {
    url: c.req.url,
    headers: c.req.raw.headers,
    /** A header of the request. */
    header: (name: string) => c.req.header(name),
    /** A parameter of the query that no schema describes. */
    query: (name: string) => c.req.query(name),
    /**
     * The token of the `Authorization: Bearer` header (RFC 6750 §2.1). The service never reads it from the query or a
     * form, because these end up in logs and browser histories (RFC 9700 §4.3.2).
     */
    bearerToken: () => /^Bearer +([^\s]+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1],
    /**
     * Whether a person reads the answer in a browser. Browsers list `text/html` in `Accept` when they open an address
     * (RFC 9110 §12.5.1). Programs usually send no `Accept` header or a wildcard.
     */
    isForBrowser: () => /(?:^|,)\s*text\/html\s*(?:[,;]|$)/i.test(c.req.header("Accept") ?? ""),
    cookies: (name: string) => cookiesNamed(name, c.req.header("Cookie") ?? ""),
    /** Whether the `Origin` header names this service's own pages or a listed origin. */
    hasAllowedOrigin: () => hasAllowedOrigin(c, config),
    /** Adds headers to the response, even if the request is refused. */
    addHeaders(headers: Record<string, string>) {
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
    },
    setCookie: (name: string, value: string, options: CookieOptions) => setCookie(c, name, value, options),
    /** Sets the user's id for the log line of the request. */
    identify: (userId: string) => c.set("userId", userId),
    /** Fetches a static file by its path in the assets folder. `headers` are the headers of this inner request. */
    fetchAsset: (path: string, headers = new Headers()) =>
      c.get("hops").hop("assets", () => c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers }))),
  };
}

/**
 * The values of all cookies with this name, in the browser's order. Another app on this host or on a parent domain may
 * have set some of these cookies, and the header does not say which (RFC 6265bis §5.8.3). If a request has several
 * Cookie headers, the platform joins them with commas. A value may be in quotation marks (§4.1.1).
 */
function cookiesNamed(name: string, header: string): string[] {
  return header.split(/[;,]/).flatMap((pair) => {
    const [key = "", ...value] = pair.split("=");
    const text = value.join("=").trim();
    return key.trim() === name ? [text.replace(/^"(.*)"$/, "$1")] : [];
  });
}
