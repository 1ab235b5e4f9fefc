/** The log-in page. */
import { challengeOf } from "./challenge.js";
import { carryReturnTo } from "./destination.js";
import { buttonById, byId, formById, inputById, onSubmit } from "./elements.js";
import { watchEmailLink } from "./email-link.js";
import { attempt, notify, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { beginSetup, watchSetup } from "./login-setup.js";
import { hasPasskeys, usePasskey } from "./passkey.js";
import { passkeyAutofill } from "./passkey-autofill.js";
import { signalUnknownPasskey } from "./passkey-signals.js";
import { forget } from "./password-field.js";
import { watchResend } from "./resend.js";
import { leadOnceLoggedIn } from "./return-to.js";
import { askForSecondFactor, watchSecondFactor } from "./second-factor.js";
import { logIn, logInWithPasskey } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").PasskeyCredential} PasskeyCredential */

const EXPIRED = /^(invalid_pending_token|invalid_enrolment_token|second_factor_required|invalid_credentials)$/;

const loginForm = formById("login");
const nameInput = inputById("name");
const passwordInput = inputById("password");
const passkeyForm = formById("passkey-login");
const challenge = challengeOf(loginForm);
const autofill = passkeyAutofill((credential) => sendPasskey(() => tryPasskey(credential)));

challenge.show();
showNews();
carryReturnTo();
leadOnceLoggedIn();
onSubmit(loginForm, submitLogin);
onSubmit(passkeyForm, () => sendPasskey(() => usePasskey(tryPasskey)));
watchSecondFactor(failSecondStep);
watchSetup(failSecondStep);
watchEmailLink(() => (nameInput.value.includes("@") ? nameInput.value.trim() : ""));
watchResend("/api/v1/auth/resend-verification", () => moveTo("resent"));
passkeyForm.hidden = !hasPasskeys;
suggestPasskeys();

/** After a log-out, says that the user has logged out. The address can't make the page show other words. */
function showNews() {
  if (location.hash === "#logged-out") {
    notify("login", words.login.loggedOut);
    // So that a reload doesn't show the message again.
    history.replaceState(history.state, "", location.pathname + location.search);
  }
}

async function submitLogin() {
  notify("login", "");
  showRefusal(passkeyForm, "");
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
  autofill.stop();
  const answer = await attempt(loginForm, words.login.busyLabel, () => logIn(credentials));
  if (answer.ok) {
    // `leadOnceLoggedIn` leaves the page.
    return;
  }
  if (answer.code === "second_factor_required" && answer.data) {
    forget(passwordInput);
    askForSecondFactor(answer.data);
  } else if (answer.code === "second_factor_enrolment_required" && answer.data) {
    await setUp(answer.data);
  } else if (answer.code === "invalid_credentials" || answer.status === 422) {
    passwordInput.focus();
    passwordInput.select();
    showRefusal(loginForm, words.login.wrong);
  } else {
    fail(loginForm, answer, isEmail ? name : "");
  }
  suggestPasskeys();
}

/** @param {{ enrolmentToken: string }} login */
async function setUp(login) {
  const begun = await attempt(loginForm, words.login.busyLabel, () => beginSetup(login));
  if (begun.ok) {
    forget(passwordInput);
  } else {
    failSecondStep(loginForm, begun);
  }
}

/** @param {() => Promise<Answer>} send */
async function sendPasskey(send) {
  autofill.stop();
  showRefusal(loginForm, "");
  const answer = await attempt(passkeyForm, words.login.passkey.busyLabel, send);
  if (!answer.ok) {
    fail(passkeyForm, answer);
    suggestPasskeys();
  }
}

/** Logs in with a passkey. Tells the device if the service doesn't know it. @param {PasskeyCredential} credential */
async function tryPasskey(credential) {
  const answer = await logInWithPasskey(credential);
  if (answer.data?.reason === "unknown_credential") {
    await signalUnknownPasskey(credential.id);
  }
  return answer;
}

/** Lets the browser suggest passkeys, if the log-in form is shown. */
function suggestPasskeys() {
  if (!byId("view-login", HTMLElement).hidden) {
    autofill.start();
  }
}

/** @param {HTMLFormElement} form @param {Answer} answer */
function failSecondStep(form, answer) {
  // The login has expired, or the account has changed since the first step.
  if (EXPIRED.test(answer.code ?? "")) {
    moveTo("login");
    passwordInput.focus();
    showRefusal(loginForm, words.login.second.expired);
    suggestPasskeys();
  } else {
    fail(form, answer);
  }
}

/** Shows why a login failed. @param {HTMLFormElement} form @param {Answer} answer @param {string} email */
function fail(form, answer, email = "") {
  /** @type {Record<string, string>} */
  const texts = {
    account_disabled: words.login.disabled,
    second_factor_lost: words.login.factorLost,
    cookies_refused: words.login.cookiesRefused,
    invalid_passkey: words.login.passkey.wrong,
    invalid_factor: words.login.passkey.wrong,
    passkey_unused: words.login.passkey.unused,
  };
  const text = texts[answer.code ?? ""];
  if (answer.code === "email_not_verified") {
    forget(passwordInput);
    inputById("email").value = email;
    moveTo("unverified");
  } else if (text) {
    buttonById(`${form.id}-button`).focus();
    showRefusal(form, text);
  } else {
    showFailure(form, answer);
  }
}
