import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

/** `#` in percent-encoding, which some programs apply several times. */
const ENCODED_HASH = "%(?:25)*23";

/** How many times a link may have been encoded. */
const MOST_ENCODINGS = 3;

/**
 * Repairs a link of an email in which a program wrote `%23` instead of `#`. The token then arrives in the path or the
 * query, but the page reads it from the fragment. So the middleware redirects to the link with a `#`. Opening the link
 * doesn't spend the token, and no log contains the token.
 */
export function restoreFragment(pages: readonly string[]) {
  const link = new RegExp(`^(/(?:${pages.join("|")}))/?(\\?.*?)?${ENCODED_HASH}([^?]*)(\\?.*)?$`);
  return createMiddleware<AppEnv>(async (c, next) => {
    if (!c.req.url.includes("%")) return next();
    const address = new URL(c.req.url);
    const [, page, before = "", fragment = "", after = ""] = link.exec(address.pathname + address.search) ?? [];
    if (page === undefined || !/^(GET|HEAD)$/.test(c.req.method)) return next();
    // The address of an app may have a fragment of its own.
    if (/[?&]return_to=[^&]*$/.test(before)) return next();
    const target = new URL(page, address);
    target.search = before === "" ? after : before;
    target.hash = decodeFragment(fragment);
    return c.redirect(target.pathname + target.search + target.hash);
  });
}

/** Undoes the encoding by programs, but not Postern's own. */
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
