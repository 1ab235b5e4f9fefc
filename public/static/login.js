/** The page to log in on. */
import { faultWords } from "./answers.js";
import { challengeOf } from "./challenge.js";
import { attempt, byId, emailProblem, sendForm, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { forget } from "./password-field.js";
import { carryReturnTo, leadOnceLoggedIn } from "./return-to.js";
import { logIn } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

const loginForm = byId("login");
const nameInput = byId("name");
const passwordInput = byId("password");
const resendForm = byId("resend");
const emailInput = byId("email");
const challenge = challengeOf(loginForm);

challenge.show();
carryReturnTo();
leadOnceLoggedIn();
loginForm.addEventListener("submit", submitLogin);
resendForm.addEventListener("submit", askForLink);

/** @param {SubmitEvent} event */
async function submitLogin(event) {
  event.preventDefault();
  const name = nameInput.value.trim();
  const password = passwordInput.value;
  const isWhole = showFieldErrors([
    [nameInput, name ? "" : words.login.nameMissing],
    [passwordInput, password ? "" : words.forms.passwordMissing],
  ]);
  if (!isWhole || !challenge.isReady()) {
    return;
  }
  // No username holds an @.
  const credentials = { [name.includes("@") ? "email" : "username"]: name, password, ...challenge.spend() };
  const answer = await attempt(loginForm, words.login.busyLabel, () => logIn(credentials));
  if (answer.ok) {
    // As in any other window, the page leads on by itself.
  } else if (answer.code === "email_not_verified") {
    forget(passwordInput);
    emailInput.value = credentials.email ?? "";
    moveTo("unverified");
  } else if (answer.code === "account_disabled") {
    showRefusal(loginForm, words.login.disabled);
  } else if (answer.code === "invalid_credentials" || answer.status === 422) {
    passwordInput.focus();
    passwordInput.select();
    showRefusal(loginForm, words.login.wrong);
  } else {
    showFailure(loginForm, answer);
  }
}

/** @param {SubmitEvent} event */
async function askForLink(event) {
  event.preventDefault();
  if (!showFieldErrors([[emailInput, emailProblem(emailInput)]])) {
    return;
  }
  const body = { email: emailInput.value.trim() };
  const answer = await sendForm(resendForm, words.forms.sending, "/api/v1/auth/resend-verification", body);
  if (answer.ok) {
    moveTo("resent");
  } else if (answer.status === 422) {
    showFieldErrors([[emailInput, faultWords(answer.faults.email) || words.forms.emailIncomplete]]);
  } else {
    showFailure(resendForm, answer);
  }
}
