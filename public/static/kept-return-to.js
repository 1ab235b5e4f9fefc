/**
 * Where a login by email leads. The emailed link opens in another tab, which knows nothing of the log-in page. So this
 * browser remembers the page for as long as the link works. In another browser, the login leads to the account. The
 * page is no part of the link: strangers can request links for any address, and would choose where they lead.
 */

const KEY = "postern_return_to";
/** A link that logs in works for ten minutes. */
const LIFETIME_MILLISECONDS = 600_000;
const LINK_PAGE = "/email-login";

/** Remembers `return_to` of this page when its user asks for a link. */
export function keepReturnTo() {
  const page = new URLSearchParams(location.search).get("return_to");
  quietly(() => {
    if (page === null) {
      localStorage.removeItem(KEY);
    } else {
      localStorage.setItem(KEY, JSON.stringify({ page, until: Date.now() + LIFETIME_MILLISECONDS }));
    }
  });
}

/** On the page of the link: what was remembered. It is as trustworthy as the parameter. @returns {string | null} */
export function keptReturnTo() {
  if (location.pathname !== LINK_PAGE) {
    return null;
  }
  const kept = quietly(() => JSON.parse(localStorage.getItem(KEY) ?? "null"));
  return typeof kept?.page === "string" && kept.until > Date.now() ? kept.page : null;
}

/**
 * A browser can forbid pages to store anything. @template Result @param {() => Result} work
 * @returns {Result | undefined}
 */
function quietly(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
