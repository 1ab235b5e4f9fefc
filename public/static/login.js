/** The log-in page. */
import { challengeOf } from "./challenge.js";
import { formById, inputById, onSubmit } from "./elements.js";
import { attempt, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { forget } from "./password-field.js";
import { watchResend } from "./resend.js";
import { carryReturnTo, leadOnceLoggedIn } from "./return-to.js";
import { logIn } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

const loginForm = formById("login");
const nameInput = inputById("name");
const passwordInput = inputById("password");
const challenge = challengeOf(loginForm);

challenge.show();
carryReturnTo();
leadOnceLoggedIn();
onSubmit(loginForm, submitLogin);
watchResend("/api/v1/auth/resend-verification", () => moveTo("resent"));

async function submitLogin() {
  const name = nameInput.value.trim();
  const password = passwordInput.value;
  const isComplete = showFieldErrors([
    [nameInput, name ? "" : words.login.nameMissing],
    [passwordInput, password ? "" : words.forms.passwordMissing],
  ]);
  if (!isComplete || !challenge.isReady()) {
    return;
  }
  // Usernames can't contain an @.
  const isEmail = name.includes("@");
  const credentials = { [isEmail ? "email" : "username"]: name, password, ...challenge.spend() };
  const answer = await attempt(loginForm, words.login.busyLabel, () => logIn(credentials));
  if (answer.ok) {
    // `leadOnceLoggedIn` leaves the page.
  } else if (answer.code === "email_not_verified") {
    forget(passwordInput);
    inputById("email").value = isEmail ? name : "";
    moveTo("unverified");
  } else if (answer.code === "account_disabled") {
    showRefusal(loginForm, words.login.disabled);
  } else if (answer.code === "cookies_refused") {
    showRefusal(loginForm, words.login.cookiesRefused);
  } else if (answer.code === "invalid_credentials" || answer.status === 422) {
    passwordInput.focus();
    passwordInput.select();
    showRefusal(loginForm, words.login.wrong);
  } else {
    showFailure(loginForm, answer);
  }
}
