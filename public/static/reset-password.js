/**
 * The page behind the link in a mail for a forgotten password: /reset-password#token=…
 * Without a token it is where such a mail is asked for.
 *
 * The token travels in the fragment, which browsers send to no server, and is spent only together with a new
 * password that the server accepts.
 */
import {
  byId,
  failureAdvice,
  focusHeading,
  offerAnotherLink,
  post,
  show,
  showFieldError,
  takeTokenFromAddress,
  whileBusy,
} from "./page.js";

const form = byId("choose");
const formError = byId("choose-error");
const submitButton = byId("choose-button");
const passwordInput = byId("new_password");
const revealButton = byId("reveal");

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let token = takeTokenFromAddress();

form.addEventListener("submit", setPassword);
revealButton.addEventListener("click", () => reveal(passwordInput.type === "password"));
offerAnotherLink("/api/v1/auth/forgot-password");
// Pasting a second link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  const anotherToken = takeTokenFromAddress();
  if (anotherToken) {
    token = anotherToken;
    formError.textContent = "";
    show("ready");
    focusHeading();
  }
});

show(token ? "ready" : "missing");

/** @param {SubmitEvent} event */
async function setPassword(event) {
  event.preventDefault();
  formError.textContent = "";
  // How long or how common it may be is for the server to say.
  const problem = passwordInput.value ? "" : "Enter a new password.";
  showFieldError(passwordInput, problem);
  if (problem) {
    return;
  }

  const body = { token, new_password: passwordInput.value };
  const answer = await whileBusy(submitButton, "Setting your password…", () =>
    post("/api/v1/auth/reset-password", body),
  );
  const { fieldErrors } = answer;
  if (answer.ok) {
    leaveForm("set");
  } else if (answer.code === "expired_token") {
    leaveForm("expired");
  } else if (answer.status === 422 && fieldErrors.new_password && !fieldErrors.token) {
    // The server knows its own rules; the hint could contradict them.
    byId("new_password-hint").textContent = "";
    showFieldError(passwordInput, fieldErrors.new_password);
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    leaveForm("invalid");
  } else {
    // The focus goes back to the button first: an alert that is read out must not be cut off by a move.
    submitButton.focus();
    const reference = answer.status !== 429 && answer.requestId ? ` Reference for support: ${answer.requestId}` : "";
    formError.textContent = `${failureAdvice(answer)} Your link and what you typed are kept.${reference}`;
  }
}

/**
 * The password leaves the page together with the form.
 * @param {string} view
 */
function leaveForm(view) {
  token = null;
  passwordInput.value = "";
  reveal(false);
  show(view);
  focusHeading();
}

/** @param {boolean} readable whether the password can be read on the screen */
function reveal(readable) {
  passwordInput.type = readable ? "text" : "password";
  revealButton.setAttribute("aria-pressed", String(readable));
}
