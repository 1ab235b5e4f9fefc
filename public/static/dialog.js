/** Dialogs that ask once more. The browser keeps the focus inside, closes on Escape, and gives the focus back. */
import { byId } from "./form.js";

/**
 * Starts a dialog: `<name>-open` opens it, `<name>-cancel` closes it.
 * @param {string} name
 * @param {() => void} onClose
 * @returns {HTMLDialogElement}
 */
export function watchDialog(name, onClose = () => {}) {
  const dialog = byId(`${name}-dialog`);
  byId(`${name}-open`).addEventListener("click", () => dialog.showModal());
  byId(`${name}-cancel`).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    byId(`${name}-error`).textContent = "";
    onClose();
  });
  return dialog;
}
