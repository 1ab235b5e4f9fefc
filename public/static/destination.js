/** Where the user wants to go after logging in: the parameter `return_to`, which is passed from page to page. */

/** The address in this page's `return_to`; empty if the server doesn't allow that address. */
const allowed = document.documentElement.dataset.returnTo ?? "";

/** The address that this page passes on. If an emailed link brought it, the server has not checked it yet. */
let wish = allowed;

/**
 * The URL that this page may lead to, or `undefined` if there is none. For an unchecked address, returns the log-in
 * page with that address: the server checks the address there, and the page then leads a logged-in user on at once.
 */
export function destination() {
  if (wish === allowed) {
    return allowed ? new URL(allowed, location.origin) : undefined;
  }
  const login = new URL("/login", location.origin);
  login.searchParams.set("return_to", wish);
  return login;
}

/** The part of a request for an emailed link that puts the address into the link. */
export function withReturnTo() {
  return wish ? { return_to: wish } : {};
}

/**
 * Adds `return_to` to the language links, and to the links to the log-in, registration and password reset pages.
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
