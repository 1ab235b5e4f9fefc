import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

/** Matches a percent-encoded `#`: `%23`, or `%2523` if two programs have encoded the link, and so on. */
const ENCODED_HASH = "%(?:25)*23";

/** How many times programs may have encoded a link. */
const MOST_ENCODINGS = 3;

/**
 * Repairs emailed links. Some email programs replace the `#` in a link by `%23`. The browser then sends the token in
 * the path or the query, but the page reads it from the fragment. So this middleware redirects the browser to the link
 * with a `#`. The token stays secret, because Postern logs no URLs, and usable, because opening a link doesn't use it.
 */
export function restoreFragment(pages: readonly string[]) {
  const link = new RegExp(`^(/(?:${pages.join("|")}))/?(\\?.*?)?${ENCODED_HASH}([^?]*)(\\?.*)?$`);
  return createMiddleware<AppEnv>(async (c, next) => {
    if (!c.req.url.includes("%")) return next();
    const address = new URL(c.req.url);
    const [, page, before = "", fragment = "", after = ""] = link.exec(address.pathname + address.search) ?? [];
    if (page === undefined || !/^(GET|HEAD)$/.test(c.req.method)) return next();
    // An encoded `#` within `return_to` is part of the app's address, not the start of the link's fragment.
    if (/[?&]return_to=[^&]*$/.test(before)) return next();
    const target = new URL(page, address);
    target.search = before === "" ? after : before;
    target.hash = decodeFragment(fragment);
    return c.redirect(target.pathname + target.search + target.hash);
  });
}

/** Decodes the fragment until it begins with `token=`, so that text that Postern itself encoded stays encoded. */
function decodeFragment(fragment: string): string {
  let text = fragment;
  for (let times = 0; times < MOST_ENCODINGS && !text.startsWith("token="); times++) {
    try {
      text = decodeURIComponent(text);
    } catch {
      return fragment;
    }
  }
  return text;
}
