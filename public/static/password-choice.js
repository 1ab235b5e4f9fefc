/** The checkbox to open an account without a password. It is hidden unless users can log in by email. */
import { byId, inputById } from "./elements.js";
import { forget } from "./password-field.js";

/**
 * Hides the password field while the checkbox is checked. Returns the checkbox.
 * @param {HTMLInputElement} passwordInput
 */
export function watchPasswordChoice(passwordInput) {
  const checkbox = inputById("without-password");
  checkbox.addEventListener("change", showWhetherPasswordIsAskedFor);
  // Some browsers restore the checkbox when the page is reloaded.
  showWhetherPasswordIsAskedFor();
  return checkbox;

  function showWhetherPasswordIsAskedFor() {
    const isWithout = checkbox.checked;
    passwordInput.closest(".field")?.toggleAttribute("hidden", isWithout);
    byId("without-note", HTMLElement).hidden = !isWithout;
    if (isWithout) {
      forget(passwordInput);
    }
  }
}
