/** What somebody takes along, and the end of an account. */
import { isWrongPassword } from "./credentials.js";
import { watchDialog } from "./dialog.js";
import { attempt, byId, notify, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { forget } from "./password-field.js";
import { ask, logOut } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/**
 * Starts the download and the deletion.
 * @param {() => void} onDeletion
 */
export function watchLeaving(onDeletion) {
  byId("export").addEventListener("submit", downloadData);
  const password = byId("delete-password");
  const dialog = watchDialog("delete", () => {
    forget(password);
    showFieldErrors([[password, ""]]);
  });
  byId("delete").addEventListener("submit", (event) => deleteAccount(event, password, dialog, onDeletion));
}

/** @param {SubmitEvent} event */
async function downloadData(event) {
  event.preventDefault();
  const form = byId("export");
  const { busyLabel, done } = words.account.data;
  notify(form, "");
  const answer = await attempt(form, busyLabel, () => ask("GET", "/api/v1/users/me/export"));
  if (!answer.ok) {
    showFailure(form, answer);
    return;
  }
  const file = new Blob([JSON.stringify(answer.data, null, 2)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `account-${answer.data.exported_at.slice(0, 10)}.json`;
  link.click();
  // Once the download has begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  byId("export-button").focus();
  notify(form, done);
}

/**
 * @param {SubmitEvent} event
 * @param {HTMLInputElement} password
 * @param {HTMLDialogElement} dialog
 * @param {() => void} onDeletion
 */
async function deleteAccount(event, password, dialog, onDeletion) {
  event.preventDefault();
  const form = byId("delete");
  if (!showFieldErrors([[password, password.value ? "" : words.forms.passwordMissing]])) {
    return;
  }
  const { busyLabel, lastSuperuser } = words.account.deletion;
  const body = { password: password.value };
  const answer = await attempt(form, busyLabel, () => ask("DELETE", "/api/v1/users/me", body));
  if (answer.ok) {
    onDeletion();
    dialog.close();
    moveTo("deleted");
    // The session is gone with the account; the cookie goes, and the other tabs hear of it.
    logOut();
  } else if (isWrongPassword(answer, "password")) {
    showFieldErrors([[password, words.account.wrongPassword]]);
  } else if (answer.code === "last_superuser") {
    showRefusal(form, lastSuperuser);
  } else {
    showFailure(form, answer);
  }
}
