/** The forms that change the email address and the password. Both forms need the current password, if one is set. */
import { faultWords } from "./answers.js";
import { buttonById, formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { attempt, emailProblem, notify, showFailure, showFieldErrors, showSuccess } from "./form.js";
import { checkWhileTyped, forget } from "./password-field.js";
import { ask } from "./session.js";
import { unicodeEmail } from "./unicode-email.js";
import { fill, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

let isPasswordSet = true;

export function hasPassword() {
  return isPasswordSet;
}

/** Shows the fields for the current password if one is set, and adapts the texts of the form. @param {boolean} isSet */
export function showWhetherPasswordIsSet(isSet) {
  isPasswordSet = isSet;
  for (const id of ["address-password", "current_password", "delete-password"]) {
    inputById(id).closest(".field")?.toggleAttribute("hidden", !isSet);
  }
  const { password } = words.account;
  const { label, text } = isSet ? password : password.first;
  setText("change-text", text);
  buttonById("change-button").textContent = label;
}

/** The error if the user has a password but did not enter it. @param {HTMLInputElement} password */
export function missingPassword(password) {
  return password.value || !isPasswordSet ? "" : words.forms.passwordMissing;
}

/** The current password in a request body, if one is set. @param {string} name @param {HTMLInputElement} password */
export function currentPassword(name, password) {
  return isPasswordSet ? { [name]: password.value } : {};
}

/** @param {string} email */
export function showAddress(email) {
  setText("my-email", unicodeEmail(email));
}

/** Starts the form that changes the email address. */
export function addressForm() {
  const form = formById("address");
  const email = inputById("new_email");
  const password = inputById("address-password");
  onSubmit(form, async () => {
    notify(form.id, "");
    const isComplete = showFieldErrors([
      [email, emailProblem(email)],
      [password, missingPassword(password)],
    ]);
    if (!isComplete) {
      return;
    }
    const body = { email: email.value.trim(), ...currentPassword("password", password) };
    const answer = await attempt(form, words.forms.sending, () => ask("POST", "/api/v1/users/me/email", body));
    if (answer.ok) {
      email.value = "";
      forget(password);
      showSuccess(form, fill(words.account.address.sent, { email: body.email }));
    } else if (isWrongPassword(answer, "password") || answer.faults.email) {
      showFieldErrors([
        [email, faultWords(answer.faults.email)],
        [password, wrongPassword(answer, "password")],
      ]);
    } else {
      showFailure(form, answer);
    }
  });
}

/**
 * Starts the form that changes the password.
 * @param {() => void} onChange called when the password has changed, which ends every other session
 */
export function passwordForm(onChange) {
  const form = formById("change");
  const current = inputById("current_password");
  const next = inputById("new_password");
  checkWhileTyped(next, () => ({ email: textOf("my-email"), username: textOf("me") }));
  onSubmit(form, async () => {
    notify(form.id, "");
    const isComplete = showFieldErrors([
      [current, missingPassword(current)],
      [next, next.value ? "" : words.forms.newPasswordMissing],
    ]);
    if (!isComplete) {
      return;
    }
    const { busyLabel, changed, first } = words.account.password;
    const news = isPasswordSet ? changed : first.done;
    const body = { ...currentPassword("current_password", current), new_password: next.value };
    const answer = await attempt(form, busyLabel, () => ask("POST", "/api/v1/users/change-password", body));
    if (answer.ok) {
      forget(current);
      forget(next);
      showWhetherPasswordIsSet(true);
      showSuccess(form, news);
      onChange();
    } else if (isWrongPassword(answer, "current_password") || answer.faults.new_password) {
      showFieldErrors([
        [current, wrongPassword(answer, "current_password")],
        [next, faultWords(answer.faults.new_password)],
      ]);
    } else {
      showFailure(form, answer);
    }
  });
}

/**
 * Whether the current password was refused, as wrong or as malformed.
 * @param {Answer} answer
 * @param {string} field
 */
export function isWrongPassword(answer, field) {
  const isWrong = answer.code === "wrong_password" || answer.faults[field] !== undefined;
  // The user has set a password on another page in the meantime.
  if (isWrong && !isPasswordSet) {
    showWhetherPasswordIsSet(true);
  }
  return isWrong;
}

/** @param {Answer} answer @param {string} field */
function wrongPassword(answer, field) {
  return isWrongPassword(answer, field) ? words.account.wrongPassword : "";
}
