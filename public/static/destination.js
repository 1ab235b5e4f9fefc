/** Where the user wants to go after logging in: the parameter `return_to`, which is passed from page to page. */

/** The address, if the server allows it. Else empty. */
const allowed = document.documentElement.dataset.returnTo ?? "";

/** What the pages pass on: unchecked, if an emailed link brought it. */
let wish = allowed;

/**
 * The URL that this page may lead to. `undefined` if there is none. For an unchecked address, it is the log-in page,
 * which the server tells whether it is allowed, and which leads a user who is logged in there at once.
 */
export function destination() {
  if (wish === allowed) {
    return allowed ? new URL(allowed, location.origin) : undefined;
  }
  const login = new URL("/login", location.origin);
  login.searchParams.set("return_to", wish);
  return login;
}

/** For the bodies of requests for a link by email, which carries the address. */
export function withReturnTo() {
  return wish ? { return_to: wish } : {};
}

/**
 * Adds the parameter to the language links and to the links to the pages of a login.
 * @param {string | null} fromLink the address in the fragment of an emailed link
 */
export function carryReturnTo(fromLink = null) {
  wish = fromLink || allowed;
  if (!wish) {
    return;
  }
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = document.querySelectorAll(
    'a:is(.language, [href^="/login"], [href^="/register"], [href^="/reset-password"])',
  );
  for (const link of links) {
    const parameters = new URLSearchParams(link.search);
    parameters.set("return_to", wish);
    link.search = String(parameters);
  }
}
