/** The form `resend`, which requests another link by email. Several pages have it. */
import { faultWords } from "./answers.js";
import { withReturnTo } from "./destination.js";
import { formById, inputById, onSubmit } from "./elements.js";
import { emailProblem, sendForm, showFailure, showFieldError } from "./form.js";
import { words } from "./words.js";

/**
 * Starts the form.
 * @param {string} operation the path of the API operation that sends the link
 * @param {() => void} onSent
 * @param {import("./challenge.js").Challenge | undefined} challenge if the operation needs one
 */
export function watchResend(operation, onSent, challenge = undefined) {
  const form = formById("resend");
  const input = inputById("email");
  onSubmit(form, async () => {
    const problem = emailProblem(input);
    showFieldError(input, problem);
    if (problem || challenge?.isReady() === false) {
      return;
    }
    const body = { email: input.value.trim(), ...withReturnTo(), ...challenge?.spend() };
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
