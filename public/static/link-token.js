/** The token in the fragment of an emailed link. It stays only in memory, not in the address bar or the history. */

/** Reads the fragment and removes it. */
export function takeFragment() {
  const fragment = location.hash;
  if (fragment) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return { fragment, found: new URLSearchParams(fragment.slice(1)) };
}

/**
 * Makes the language links pass the fragment on to the page in the other language.
 * @param {() => string} fragment
 */
export function carryFragment(fragment) {
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const languageLinks = document.querySelectorAll("a.language");
  for (const choice of languageLinks) {
    choice.addEventListener("click", () => {
      choice.hash = fragment();
      // Removes the copy from the page once the browser has followed the link.
      setTimeout(() => {
        choice.hash = "";
      });
    });
  }
}
