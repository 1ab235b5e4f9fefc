/** The page to register on. Whether the address has an account already, the mail tells, and nobody else. */
import { faultWords } from "./answers.js";
import { challengeOf } from "./challenge.js";
import { byId, emailProblem, sendForm, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { forget, judgeWhileTyped } from "./password-field.js";
import { carryReturnTo, leadOnceLoggedIn } from "./return-to.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

const registerForm = byId("register");
const emailInput = byId("email");
const usernameInput = byId("username");
const passwordInput = byId("password");
const resendForm = byId("resend");
const challenge = challengeOf(registerForm);

if (document.documentElement.dataset.registration === "open") {
  challenge.show();
}
carryReturnTo();
leadOnceLoggedIn();
registerForm.addEventListener("submit", submitRegistration);
resendForm.addEventListener("submit", sendAgain);
byId("again").addEventListener("click", () => {
  moveTo("register");
  emailInput.focus();
});
judgeWhileTyped(passwordInput, () => ({
  email: emailInput.value.trim().slice(0, 254),
  username: usernameInput.value.trim().slice(0, 32),
}));

/** @param {SubmitEvent} event */
async function submitRegistration(event) {
  event.preventDefault();
  const body = {
    email: emailInput.value.trim(),
    username: usernameInput.value.trim(),
    password: passwordInput.value,
  };
  const { newPasswordMissing, usernameMissing } = words.forms;
  const isWhole = showFieldErrors([
    [emailInput, emailProblem(emailInput)],
    [usernameInput, body.username ? "" : usernameMissing],
    [passwordInput, body.password ? "" : newPasswordMissing],
  ]);
  if (!isWhole || !challenge.isReady()) {
    return;
  }
  const proved = { ...body, ...challenge.spend() };
  const answer = await sendForm(registerForm, words.register.busyLabel, "/api/v1/auth/register", proved);
  const { email, username, password } = answer.faults;
  if (answer.ok) {
    forget(passwordInput);
    byId("sent-to").textContent = body.email;
    byId("resent").textContent = "";
    moveTo("sent");
  } else if (email || username || password) {
    showFieldErrors([
      [emailInput, faultWords(email)],
      [usernameInput, faultWords(username)],
      [passwordInput, faultWords(password)],
    ]);
  } else if (answer.code === "invitation_required") {
    showRefusal(registerForm, words.register.invitation);
  } else if (answer.code === "registration_closed") {
    showRefusal(registerForm, words.register.closed);
  } else {
    showFailure(registerForm, answer);
  }
}

/** @param {SubmitEvent} event */
async function sendAgain(event) {
  event.preventDefault();
  const notice = byId("resent");
  notice.textContent = "";
  const body = { email: byId("sent-to").textContent };
  const answer = await sendForm(resendForm, words.forms.sending, "/api/v1/auth/resend-verification", body);
  if (answer.ok) {
    byId("resend-button").focus();
    notice.textContent = words.register.resent;
  } else {
    showFailure(resendForm, answer);
  }
}
