/** Pages that show one view at a time: elements of the class `view`, with ids that begin with `view-`. */
import { byId, textOf } from "./elements.js";

/**
 * Shows a view and focuses its heading, so that screen readers announce it and the Tab key continues from there.
 * @param {string} name
 */
export function moveTo(name) {
  show(name)?.focus();
}

/**
 * Shows a view.
 * @param {string} name
 * @returns its heading
 */
export function show(name) {
  /** @type {NodeListOf<HTMLElement>} */
  const views = document.querySelectorAll(".view");
  for (const view of views) {
    view.hidden = view.id !== `view-${name}`;
  }
  const heading = byId(`view-${name}`, HTMLElement).querySelector("h1");
  document.title = `${heading?.textContent} · ${textOf("product")}`;
  return heading;
}
