/** The request for an emailed link that logs in. Asks for the address, then shows the code for another browser. */
import { faultWords } from "./answers.js";
import { challengeOf } from "./challenge.js";
import { withReturnTo } from "./destination.js";
import { buttonById, formById, inputById, onSubmit, setText } from "./elements.js";
import { attempt, emailProblem, showFailure, showFieldError } from "./form.js";
import { requestEmailLogin } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/** Whether the link that led to this page asks for a login by email, with `?by=email`. */
const isWished =
  document.documentElement.dataset.emailLogin === "on" && new URLSearchParams(location.search).get("by") === "email";

/**
 * Starts the button and the form. Opens the form at once if the link to this page asks for a login by email.
 * @param {() => string} typedEmail the address that the user has typed into the log-in form, or an empty text
 */
export function watchEmailLink(typedEmail) {
  const form = formById("email-link");
  const input = inputById("link-email");
  const challenge = challengeOf(form);

  const open = () => {
    input.value ||= typedEmail();
    moveTo("email");
    challenge.show();
  };
  buttonById("by-email").addEventListener("click", open);
  if (isWished) {
    open();
  }

  onSubmit(form, async () => {
    const problem = emailProblem(input);
    showFieldError(input, problem);
    if (problem || !challenge.isReady()) {
      return;
    }
    const body = { email: input.value.trim(), ...withReturnTo(), ...challenge.spend() };
    const answer = await attempt(form, words.forms.sending, () => requestEmailLogin(body));
    if (answer.ok) {
      setText("login-code", answer.data.login_code);
      moveTo("emailed");
    } else if (answer.status === 422) {
      showFieldError(input, faultWords(answer.faults.email) || words.forms.emailIncomplete);
    } else {
      showFailure(form, answer);
    }
  });
}
