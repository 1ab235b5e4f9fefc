/** The form that asks for another link by mail, whichever page it stands on. */
import { faultWords } from "./answers.js";
import { byId, emailProblem, sendForm, showFailure, showFieldError } from "./form.js";
import { words } from "./words.js";

/**
 * Starts the form `resend`, with its field `email`.
 * @param {string} operation the path of the API's operation that mails the link
 * @param {() => void} onSent
 * @param {ReturnType<typeof import("./challenge.js").challengeOf> | undefined} challenge where the operation asks for one
 */
export function watchResend(operation, onSent, challenge = undefined) {
  const form = byId("resend");
  const input = byId("email");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = emailProblem(input);
    showFieldError(input, problem);
    if (problem || challenge?.isReady() === false) {
      return;
    }
    const body = { email: input.value.trim(), ...challenge?.spend() };
    const answer = await sendForm(form, words.forms.sending, operation, body);
    if (answer.ok) {
      onSent();
    } else if (answer.status === 422) {
      showFieldError(input, faultWords(answer.faults.email) || words.forms.emailIncomplete);
    } else {
      showFailure(form, answer);
    }
  });
}
