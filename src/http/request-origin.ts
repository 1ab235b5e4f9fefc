/** Checks which page a browser's request comes from. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Config } from "../config/config.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";

type Origins = Pick<Config, "publicUrl" | "allowedOrigins">;

/** Paths that return or change a user's data. All other paths are public, and every page may use them. */
const GUARDED = /^\/(api|dev)(\/|$)/;

/** Whether only pages of allowed origins can use this path. */
export function isGuarded(path: string): boolean {
  return GUARDED.test(path);
}

/**
 * Whether the Origin header names this service or a listed origin. If the header is missing, returns `false`. Clients
 * can reach this service at PUBLIC_URL and at other hosts, such as 127.0.0.1 or workers.dev. If this service's own page
 * sends a request from such a host, the Origin header and the URL of the request have the same origin. Pages of other
 * sites can't send this origin.
 */
export function hasAllowedOrigin(c: Context<AppEnv>, { publicUrl, allowedOrigins }: Origins): boolean {
  const origin = c.req.header("Origin");
  if (origin === undefined) return false;
  return [publicUrl, c.req.url].some((url) => new URL(url).origin === origin) || allowedOrigins.includes(origin);
}

/**
 * Refuses requests that come from a page of an unlisted origin, according to the browser's `Sec-Fetch-Site` header
 * (Fetch Metadata, W3C). Sibling subdomains are treated like other sites. The value `none` is allowed, because it means
 * that the user entered the URL. A missing header is allowed too: such a client is not a current browser. In an old
 * browser, a page can't abuse the user's cookies, because endpoints that read a cookie check the `Origin` header.
 */
export function refuseForeignPages(config: Origins) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const site = c.req.header("Sec-Fetch-Site");
    const isForeign = site === "cross-site" || site === "same-site";
    // A preflight changes nothing, and an unlisted origin gets no permission from it.
    if (!isForeign || !isGuarded(c.req.path) || c.req.method === "OPTIONS") return next();
    if (hasAllowedOrigin(c, config) || isFollowedLink(c)) return next();
    return answerProblem(c, refuse("origin_not_allowed"));
  });
}

/** Whether a user followed a link to a development page. Any site may have such a link, but can't read the page. */
function isFollowedLink(c: Context<AppEnv>): boolean {
  return (
    c.req.path.startsWith("/dev/") &&
    c.req.method === "GET" &&
    c.req.header("Sec-Fetch-Mode") === "navigate" &&
    c.req.header("Sec-Fetch-Dest") === "document"
  );
}
