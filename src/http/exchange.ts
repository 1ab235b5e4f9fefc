/** One request and the answer to it, as a handler sees them. Hono stays behind this. */
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import type { Config } from "../config/config.ts";
import { chooseLocale, type Locale } from "../config/languages.ts";
import type { AppEnv } from "./app-env.ts";
import { readBearerToken } from "./bearer-token.ts";
import { clientAddress, clientAgent, clientCountry, clientNetwork } from "./client-address.ts";
import { hasAllowedOrigin } from "./request-origin.ts";

/** Where a request comes from. */
export interface Client {
  /** What limits count by: an IPv4 address or an IPv6 /64. */
  network: string;
  ipAddress: string;
  userAgent: string | null;
  /** ISO 3166-1 alpha-2, if the platform says. */
  country: string | null;
  /** The language that the client asks for. */
  locale: Locale;
}

export interface Exchange {
  /** The request's URL. */
  readonly url: string;
  /** A header of the request. */
  header(name: string): string | undefined;
  readonly headers: Headers;
  /** A parameter of the query that no schema describes. */
  query(name: string): string | undefined;
  /** The access token of the `Authorization` header. */
  bearerToken(): string | undefined;
  cookie(name: string): string | undefined;
  /** Whether the request says that it comes from this service's own pages or a listed origin. */
  hasAllowedOrigin(): boolean;
  /** Adds headers to the response, for every outcome. */
  addHeaders(headers: Record<string, string>): void;
  setCookie(name: string, value: string, options: CookieOptions): void;
  /** Names the user for the log line. */
  identify(userId: string): void;
  /** A static file, by its path in the assets folder. `headers` are those of the request for it. */
  fetchAsset(path: string, headers?: Headers): Promise<Response>;
}

export function clientOf(c: Context<AppEnv>): Client {
  return {
    network: clientNetwork(c),
    ipAddress: clientAddress(c),
    userAgent: clientAgent(c),
    country: clientCountry(c),
    locale: chooseLocale(c.req.header("Accept-Language")),
  };
}

export function exchangeOf(c: Context<AppEnv>, config: Config): Exchange {
  return {
    url: c.req.url,
    headers: c.req.raw.headers,
    header: (name) => c.req.header(name),
    query: (name) => c.req.query(name),
    bearerToken: () => readBearerToken(c),
    cookie: (name) => getCookie(c, name),
    hasAllowedOrigin: () => hasAllowedOrigin(c, config),
    addHeaders(headers) {
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
    },
    setCookie: (name, value, options) => setCookie(c, name, value, options),
    identify: (userId) => c.set("userId", userId),
    fetchAsset: (path, headers) =>
      c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), headers === undefined ? {} : { headers })),
  };
}
