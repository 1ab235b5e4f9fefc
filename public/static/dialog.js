/** Confirmation dialogs. The browser keeps the focus inside, closes on Escape, and restores the focus. */
import { buttonById, byId, setText } from "./elements.js";

/**
 * Starts a dialog: the button `<name>-open` opens it, the button `<name>-cancel` closes it.
 * @param {string} name
 * @param {() => void} clear empties its fields and messages. Called when it closes, and when it opens, because an answer
 *   may arrive after it was closed
 */
export function watchDialog(name, clear = () => {}) {
  const dialog = byId(`${name}-dialog`, HTMLDialogElement);
  const empty = () => {
    setText(`${name}-error`, "");
    clear();
  };
  buttonById(`${name}-open`).addEventListener("click", () => {
    empty();
    dialog.showModal();
  });
  buttonById(`${name}-cancel`).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", empty);
  return dialog;
}
