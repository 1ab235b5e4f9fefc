/** What a page shows, one view at a time: sections of the class `view`, whose ids begin with `view-`. */
import { byId } from "./form.js";

/**
 * Shows a view and brings whoever cannot see the page to its heading; the Tab key goes on from there too.
 * @param {string} name
 */
export function moveTo(name) {
  show(name).focus();
}

/**
 * Shows a view.
 * @param {string} name
 * @returns {HTMLElement} its heading
 */
export function show(name) {
  for (const view of document.querySelectorAll(".view")) {
    view.hidden = view.id !== `view-${name}`;
  }
  const heading = byId(`view-${name}`).querySelector("h1");
  document.title = `${heading.textContent} · ${byId("product").textContent}`;
  return heading;
}
