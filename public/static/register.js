/** The registration page. It looks the same for addresses with and without an account: only the email differs. */
import { faultWords } from "./answers.js";
import { challengeOf } from "./challenge.js";
import { carryReturnTo, withReturnTo } from "./destination.js";
import { buttonById, formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { emailProblem, sendForm, showFailure, showFieldErrors, showRefusal, showSuccess } from "./form.js";
import { watchPasswordChoice } from "./password-choice.js";
import { checkWhileTyped, forget } from "./password-field.js";
import { leadOnceLoggedIn } from "./return-to.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

const registerForm = formById("register");
const emailInput = inputById("email");
const usernameInput = inputById("username");
const passwordInput = inputById("password");
const resendForm = formById("resend");
const challenge = challengeOf(registerForm);

if (document.documentElement.dataset.registration === "open") {
  challenge.show();
}
carryReturnTo();
leadOnceLoggedIn();
onSubmit(registerForm, submitRegistration);
onSubmit(resendForm, sendAgain);
buttonById("again").addEventListener("click", () => {
  moveTo("register");
  emailInput.focus();
});
checkWhileTyped(passwordInput, () => ({
  email: emailInput.value.trim().slice(0, 254),
  username: usernameInput.value.trim().slice(0, 32),
}));
const withoutPassword = watchPasswordChoice(passwordInput);

async function submitRegistration() {
  const password = withoutPassword.checked ? {} : { password: passwordInput.value };
  const body = { email: emailInput.value.trim(), username: usernameInput.value.trim(), ...password };
  const { firstPasswordMissing, usernameMissing } = words.forms;
  const isComplete = showFieldErrors([
    [emailInput, emailProblem(emailInput)],
    [usernameInput, body.username ? "" : usernameMissing],
    [passwordInput, withoutPassword.checked || passwordInput.value ? "" : firstPasswordMissing],
  ]);
  if (!isComplete || !challenge.isReady()) {
    return;
  }
  const proved = { ...body, ...withReturnTo(), ...challenge.spend() };
  const answer = await sendForm(registerForm, words.register.busyLabel, "/api/v1/auth/register", proved);
  const { faults } = answer;
  if (answer.ok) {
    forget(passwordInput);
    setText("sent-to", body.email);
    setText("resend-notice", "");
    moveTo("sent");
  } else if (faults.email || faults.username || faults.password) {
    showFieldErrors([
      [emailInput, faultWords(faults.email)],
      [usernameInput, faultWords(faults.username)],
      [passwordInput, faultWords(faults.password)],
    ]);
  } else if (answer.code === "invitation_required") {
    showRefusal(registerForm, words.register.invitation);
  } else if (answer.code === "registration_closed") {
    showRefusal(registerForm, words.register.closed);
  } else {
    showFailure(registerForm, answer);
  }
}

async function sendAgain() {
  setText("resend-notice", "");
  const body = { email: textOf("sent-to"), ...withReturnTo() };
  const answer = await sendForm(resendForm, words.forms.sending, "/api/v1/auth/resend-verification", body);
  if (answer.ok) {
    showSuccess(resendForm, words.register.resent);
  } else {
    showFailure(resendForm, answer);
  }
}
