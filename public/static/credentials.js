/** What somebody logs in with: the address and the password, which only who knows the password may change. */
import { faultWords } from "./answers.js";
import { attempt, byId, emailProblem, notify, showFailure, showFieldErrors } from "./form.js";
import { forget, judgeWhileTyped } from "./password-field.js";
import { ask } from "./session.js";
import { fill, words } from "./words.js";

/** @param {string} email */
export function showAddress(email) {
  byId("my-email").textContent = email;
}

/** Starts the form that asks for another address. */
export function addressForm() {
  const form = byId("address");
  const email = byId("new_email");
  const password = byId("address-password");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notify(form, "");
    const isWhole = showFieldErrors([
      [email, emailProblem(email)],
      [password, password.value ? "" : words.forms.passwordMissing],
    ]);
    if (!isWhole) {
      return;
    }
    const body = { email: email.value.trim(), password: password.value };
    const answer = await attempt(form, words.forms.sending, () => ask("POST", "/api/v1/users/me/email", body));
    if (answer.ok) {
      email.value = "";
      forget(password);
      byId("address-button").focus();
      notify(form, fill(words.account.address.sent, { email: body.email }));
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
 * Starts the form for another password.
 * @param {() => void} onChange every other session has ended then
 */
export function passwordForm(onChange) {
  const form = byId("change");
  const current = byId("current_password");
  const next = byId("new_password");
  judgeWhileTyped(next, () => ({ email: byId("my-email").textContent, username: byId("me").textContent }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notify(form, "");
    const isWhole = showFieldErrors([
      [current, current.value ? "" : words.forms.passwordMissing],
      [next, next.value ? "" : words.forms.newPasswordMissing],
    ]);
    if (!isWhole) {
      return;
    }
    const { busyLabel, changed } = words.account.password;
    const body = { current_password: current.value, new_password: next.value };
    const answer = await attempt(form, busyLabel, () => ask("POST", "/api/v1/users/change-password", body));
    if (answer.ok) {
      forget(current);
      forget(next);
      byId("change-button").focus();
      notify(form, changed);
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
 * Whether it was the current password that was refused, as wrong or as no password at all.
 * @param {import("./answers.js").Answer} answer
 * @param {string} field
 */
export function isWrongPassword(answer, field) {
  return answer.code === "wrong_password" || answer.faults[field] !== undefined;
}

/** @param {import("./answers.js").Answer} answer @param {string} field */
function wrongPassword(answer, field) {
  return isWrongPassword(answer, field) ? words.account.wrongPassword : "";
}
