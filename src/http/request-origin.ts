/** From which page a browser's request comes, and what that page may do. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Config } from "../config/config.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";

type Origins = Pick<Config, "publicUrl" | "allowedOrigins">;

/** What holds or changes somebody's data. Everything else is public, and lies open to every page. */
const GUARDED = /^\/(api|dev)(\/|$)/;

/** Whether the paths under this one are kept from foreign pages. */
export function isGuarded(path: string): boolean {
  return GUARDED.test(path);
}

/** Whether the request says that it comes from this service's own pages or a listed origin. Silence is a no. */
export function hasAllowedOrigin(c: Context<AppEnv>, { publicUrl, allowedOrigins }: Origins): boolean {
  const origin = c.req.header("Origin");
  return origin !== undefined && (origin === new URL(publicUrl).origin || allowedOrigins.includes(origin));
}

/**
 * Refuses what a browser says comes from a page of another origin that is not listed (Fetch Metadata, W3C): a
 * sibling of this host as well, since it is no closer to us. `none` is a person at the address bar. Whoever sends no
 * such header is no browser of today, and brings nothing along that a page could abuse: cookies have their own check.
 */
export function refuseForeignPages(config: Origins) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const site = c.req.header("Sec-Fetch-Site");
    const isForeign = site === "cross-site" || site === "same-site";
    // A preflight asks for leave and does nothing; who is not listed gets none.
    if (!isForeign || !isGuarded(c.req.path) || c.req.method === "OPTIONS") return next();
    if (hasAllowedOrigin(c, config) || isFollowedLink(c)) return next();
    return answerProblem(c, refuse("origin_not_allowed"));
  });
}

/** A link to a development page may be followed from anywhere: the page that has it can't read what it leads to. */
function isFollowedLink(c: Context<AppEnv>): boolean {
  return (
    c.req.path.startsWith("/dev/") &&
    c.req.method === "GET" &&
    c.req.header("Sec-Fetch-Mode") === "navigate" &&
    c.req.header("Sec-Fetch-Dest") === "document"
  );
}
