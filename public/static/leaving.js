/** Downloading the user's data, and deleting the account. */
import { currentPassword, isWrongPassword, missingPassword } from "./credentials.js";
import { watchDialog } from "./dialog.js";
import { download } from "./download.js";
import { formById, inputById, onSubmit } from "./elements.js";
import { attempt, notify, showFailure, showFieldErrors, showRefusal, showSuccess } from "./form.js";
import { forget } from "./password-field.js";
import { ask, logOut } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/**
 * Starts the download and the deletion.
 * @param {() => void} onDeletion
 */
export function watchLeaving(onDeletion) {
  const exportForm = formById("export");
  onSubmit(exportForm, () => downloadData(exportForm));
  const password = inputById("delete-password");
  const dialog = watchDialog("delete", () => {
    forget(password);
    showFieldErrors([[password, ""]]);
  });
  onSubmit(formById("delete"), () => deleteAccount(password, dialog, onDeletion));
}

/** @param {HTMLFormElement} form */
async function downloadData(form) {
  const { busyLabel, done } = words.account.data;
  notify(form.id, "");
  /** @type {import("./answers.js").Answer<{ exported_at: string }>} */
  const answer = await attempt(form, busyLabel, () => ask("GET", "/api/v1/users/me/export"));
  if (!answer.ok) {
    showFailure(form, answer);
    return;
  }
  const text = JSON.stringify(answer.data, null, 2);
  download(`account-${answer.data.exported_at.slice(0, 10)}.json`, "application/json", text);
  showSuccess(form, done);
}

/**
 * @param {HTMLInputElement} password
 * @param {import("./dialog.js").Dialog} dialog
 * @param {() => void} onDeletion
 */
async function deleteAccount(password, dialog, onDeletion) {
  const form = formById("delete");
  if (!showFieldErrors([[password, missingPassword(password)]])) {
    return;
  }
  const { busyLabel, lastSuperuser } = words.account.deletion;
  const body = currentPassword("password", password);
  const answer = await attempt(form, busyLabel, () => ask("DELETE", "/api/v1/users/me", body));
  if (answer.ok) {
    onDeletion();
    dialog.close();
    moveTo("deleted");
    // The session has already ended with the account. This removes the cookie and informs the other tabs.
    logOut();
  } else if (isWrongPassword(answer, "password")) {
    showFieldErrors([[password, words.account.wrongPassword]]);
  } else if (answer.code === "last_superuser") {
    showRefusal(form, lastSuperuser);
  } else {
    showFailure(form, answer);
  }
}
