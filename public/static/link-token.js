/** The token in the fragment of an emailed link. It stays in memory only: no copy is left in the address bar or the history. */

/** Reads the fragment and removes it. */
export function takeFragment() {
  const fragment = location.hash;
  if (fragment) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return { fragment, found: new URLSearchParams(fragment.slice(1)) };
}

/**
 * Another language is another page, which needs the link too.
 * @param {() => string} fragment
 */
export function carryFragment(fragment) {
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const languageLinks = document.querySelectorAll("a.language");
  for (const choice of languageLinks) {
    choice.addEventListener("click", () => {
      choice.hash = fragment();
      // Removes the copy once the browser has followed it.
      setTimeout(() => {
        choice.hash = "";
      });
    });
  }
}
