/** Dialogs that ask once more. The browser keeps the focus inside, closes on Escape, and gives the focus back. */
import { byId } from "./form.js";

/**
 * Starts a dialog: `<name>-open` opens it, `<name>-cancel` closes it.
 * @param {string} name
 * @param {() => void} clear what is typed and said in it: when it closes, and, since an answer may have come after
 *   that, when it opens
 * @returns {HTMLDialogElement}
 */
export function watchDialog(name, clear = () => {}) {
  const dialog = byId(`${name}-dialog`);
  const empty = () => {
    byId(`${name}-error`).textContent = "";
    clear();
  };
  byId(`${name}-open`).addEventListener("click", () => {
    empty();
    dialog.showModal();
  });
  byId(`${name}-cancel`).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", empty);
  return dialog;
}
