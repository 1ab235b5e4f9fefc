/** The page to log in on. */
import { challengeOf } from "./challenge.js";
import { attempt, byId, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { forget } from "./password-field.js";
import { watchResend } from "./resend.js";
import { carryReturnTo, leadOnceLoggedIn } from "./return-to.js";
import { logIn } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

const loginForm = byId("login");
const nameInput = byId("name");
const passwordInput = byId("password");
const challenge = challengeOf(loginForm);

challenge.show();
carryReturnTo();
leadOnceLoggedIn();
loginForm.addEventListener("submit", submitLogin);
watchResend("/api/v1/auth/resend-verification", () => moveTo("resent"));

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
    byId("email").value = credentials.email ?? "";
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
