/** The address to which a hosted page leads when the user is done: a page of this service, or an app. */
import * as z from "zod";
import type { Config } from "../config/config.ts";

/** The maximum length of an address. Limits the length of the links in emails, which contain the address too. */
const LONGEST = 2_048;

/**
 * The characters of an address as browsers write it in `location.href`. Other characters are refused: browsers read a
 * backslash as a slash and skip tabs and line breaks (URL standard §4.4), so an address with one of these can lead to a
 * host that a reader would not expect.
 */
const CHARACTERS = /^[!#-;=?-[\]-~]+$/;

/** The base URL for parsing a path. It never appears in a result. */
const ANY_ORIGIN = "https://service.invalid";

/** `return_to` in a request body. */
export const returnToField = z
  .string()
  .optional()
  .meta({
    description:
      "Where the pages lead after the login by the emailed link, or after the login that follows it: a path of this service, or an address whose origin is in `ALLOWED_ORIGINS`. Any other value is ignored.",
    examples: ["/account"],
  });

/**
 * Returns the address to return to, as a path of this service or as a whole URL; `undefined` if it is not allowed. An
 * open redirect would let an attacker's page use the name of this service (RFC 9700 §4.11.2). So the origin must be the
 * origin of this service or in `ALLOWED_ORIGINS`, and outside development it must use https.
 */
export function allowedReturnTo(
  wish: string | undefined,
  { allowedOrigins, development, publicUrl }: Pick<Config, "allowedOrigins" | "development" | "publicUrl">,
): string | undefined {
  if (wish === undefined || wish.length > LONGEST || !CHARACTERS.test(wish)) return undefined;
  if (wish.startsWith("/")) return ownPath(wish);
  const [origin] = /^https?:\/\/[^/?#]+/.exec(wish) ?? [];
  const isListed = origin !== undefined && [new URL(publicUrl).origin, ...allowedOrigins].includes(origin);
  if (!isListed || !(development || origin.startsWith("https:"))) return undefined;
  return new URL(wish).href;
}

/**
 * Returns the path, with dot segments resolved. Returns `undefined` for `//host`, which leads to another host, and for
 * `/.//host`, which resolves to `//host`.
 */
function ownPath(wish: string): string | undefined {
  if (!URL.canParse(wish, ANY_ORIGIN)) return undefined;
  const { hash, origin, pathname, search } = new URL(wish, ANY_ORIGIN);
  return origin === ANY_ORIGIN && !pathname.startsWith("//") ? pathname + search + hash : undefined;
}
