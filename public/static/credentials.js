/** The forms that change the email address and the password. Both need the current password. */
import { faultWords } from "./answers.js";
import { formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { attempt, emailProblem, notify, showFailure, showFieldErrors, showSuccess } from "./form.js";
import { checkWhileTyped, forget } from "./password-field.js";
import { ask } from "./session.js";
import { unicodeEmail } from "./unicode-email.js";
import { fill, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

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
      [password, password.value ? "" : words.forms.passwordMissing],
    ]);
    if (!isComplete) {
      return;
    }
    const body = { email: email.value.trim(), password: password.value };
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
      [current, current.value ? "" : words.forms.passwordMissing],
      [next, next.value ? "" : words.forms.newPasswordMissing],
    ]);
    if (!isComplete) {
      return;
    }
    const { busyLabel, changed } = words.account.password;
    const body = { current_password: current.value, new_password: next.value };
    const answer = await attempt(form, busyLabel, () => ask("POST", "/api/v1/users/change-password", body));
    if (answer.ok) {
      forget(current);
      forget(next);
      showSuccess(form, changed);
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
  return answer.code === "wrong_password" || answer.faults[field] !== undefined;
}

/** @param {Answer} answer @param {string} field */
function wrongPassword(answer, field) {
  return isWrongPassword(answer, field) ? words.account.wrongPassword : "";
}
