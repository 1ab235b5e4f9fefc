/** Dialogs. The browser keeps the focus inside a dialog, closes the dialog on Escape, and then restores the focus. */
import { buttonById, byId, setText } from "./elements.js";

/** @typedef {ReturnType<typeof dialogOf>} Dialog */

/**
 * Starts a dialog that the button `<name>-open` opens.
 * @param {string} name
 * @param {() => void} clear as for `dialogOf`
 */
export function watchDialog(name, clear = () => {}) {
  const dialog = dialogOf(name, clear);
  buttonById(`${name}-open`).addEventListener("click", dialog.open);
  return dialog;
}

/**
 * Starts a dialog. The button `<name>-cancel` closes it.
 * @param {string} name
 * @param {() => void} clear empties the dialog's fields and messages. Called when the dialog closes (twice if the page
 *   closes the dialog), and again when it opens, because an answer may arrive while it is closed
 */
export function dialogOf(name, clear = () => {}) {
  const dialog = byId(`${name}-dialog`, HTMLDialogElement);
  const empty = () => {
    setText(`${name}-error`, "");
    clear();
  };
  const close = () => {
    dialog.close();
    // The `close` event comes later. Until then, the page would still contain a secret.
    empty();
  };
  buttonById(`${name}-cancel`).addEventListener("click", close);
  dialog.addEventListener("close", empty);
  return {
    open() {
      empty();
      dialog.showModal();
    },
    close,
    isOpen: () => dialog.open,
  };
}
