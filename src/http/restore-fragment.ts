import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

/** `#` as some programs write it: percent-encoded, by several of them several times. */
const ENCODED_HASH = "%(?:25)*23";

/** How many programs may have encoded a link, one after the other. */
const MOST_ENCODINGS = 3;

/**
 * Redirects a link of an email in which a program wrote `%23` instead of `#`, so that the token arrived in the path or
 * the query: the page reads it from the fragment. Opening the link doesn't spend the token, and no log contains it.
 */
export function restoreFragment(pages: readonly string[]) {
  const link = new RegExp(`^(/(?:${pages.join("|")}))/?(\\?.*?)?${ENCODED_HASH}([^?]*)(\\?.*)?$`);
  return createMiddleware<AppEnv>(async (c, next) => {
    if (!c.req.url.includes("%")) return next();
    const address = new URL(c.req.url);
    const [, page, before = "", fragment = "", after = ""] = link.exec(address.pathname + address.search) ?? [];
    if (page === undefined || !/^(GET|HEAD)$/.test(c.req.method)) return next();
    const target = new URL(page, address);
    target.search = before === "" ? after : before;
    target.hash = decodeFragment(fragment);
    return c.redirect(target.pathname + target.search + target.hash);
  });
}

/** Undoes what programs encoded besides the `#`, and not what Postern encoded itself. */
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
