/**
 * Forms that call the API: one attempt at a time, errors at the fields, and failures at the form. The ids of a form's
 * button, error line and notice are the form's id with `-button`, `-error` and `-notice`.
 */
import { post } from "./answers.js";
import { buttonById, findById, setText, whileBusy } from "./elements.js";
import { fill, waitAdvice, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

// Submit buttons are disabled until the page's scripts listen for clicks. No click can come between this line and the
// other scripts, because all scripts of a page run in one task.
/** @type {NodeListOf<HTMLButtonElement>} */
const waitingButtons = document.querySelectorAll("button[type=submit]:disabled");
for (const button of waitingButtons) {
  button.disabled = false;
}

/**
 * Sends a form. Meanwhile, its button is disabled and shows another label.
 * @param {HTMLFormElement} form
 * @param {string} busyLabel
 * @param {string} path of the API operation
 * @param {object} body
 */
export function sendForm(form, busyLabel, path, body) {
  return attempt(form, busyLabel, () => post(path, body));
}

/**
 * Makes one attempt with any function that calls the API.
 * @template Result
 * @param {HTMLFormElement} form
 * @param {string} busyLabel
 * @param {() => Promise<Result>} ask
 */
export function attempt(form, busyLabel, ask) {
  showRefusal(form, "");
  return whileBusy(buttonOf(form), busyLabel, ask);
}

/**
 * Says in a form that the attempt failed, and when to try again.
 * @param {HTMLFormElement} form
 * @param {Answer} answer
 * @param {string} comfort an additional sentence
 */
export function showFailure(form, answer, comfort = "") {
  // Moving the focus would interrupt the announcement of the alert, so the focus moves first.
  buttonOf(form).focus();
  showRefusal(form, failureText(answer, comfort));
}

/** @param {Answer} answer @param {string} comfort */
export function failureText(answer, comfort = "") {
  const { status, requestId } = answer;
  const isExpected = status === 429 || answer.code === "reauthentication_required";
  const reference = requestId && !isExpected ? fill(words.forms.reference, { id: requestId }) : "";
  return [failureAdvice(answer), comfort, reference].filter(Boolean).join(" ");
}

/**
 * Says at the end of a form that the attempt succeeded, and puts the focus on the form's button.
 * @param {HTMLFormElement} form
 * @param {string} text
 */
export function showSuccess(form, text) {
  buttonOf(form).focus();
  notify(form.id, text);
}

/** Fills in a notice. @param {string} part @param {string} text */
export function notify(part, text) {
  setText(`${part}-notice`, text);
}

/** @param {HTMLFormElement} form @param {string} text */
export function showRefusal(form, text) {
  setText(`${form.id}-error`, text);
}

/**
 * Finds obvious mistakes in an email address. The server finds the others.
 * @param {HTMLInputElement} input
 */
export function emailProblem(input) {
  const email = input.value.trim();
  if (!email) {
    return words.forms.emailMissing;
  }
  return /^[^\s@]+@[^\s@]+$/.test(email) ? "" : words.forms.emailIncomplete;
}

/**
 * Shows an error at a field until the user edits the field. Meanwhile, the error replaces the field's hint, which may
 * say the same. The style sheet hides the hint on the screen; this function hides it from screen readers.
 * @param {HTMLInputElement} input
 * @param {string} message empty if the field is right
 */
export function showFieldError(input, message) {
  setText(`${input.id}-error`, message);
  const hasHint = !message && findById(`${input.id}-hint`, HTMLElement);
  input.setAttribute("aria-describedby", `${input.id}-error${hasHint ? ` ${input.id}-hint` : ""}`);
  if (message) {
    input.dispatchEvent(new Event("invalid"));
    input.setAttribute("aria-invalid", "true");
    input.focus();
    input.addEventListener("input", () => showFieldError(input, ""), { once: true });
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/**
 * Shows the errors of several fields. The first field with an error gets the focus.
 * @param {[HTMLInputElement, string][]} problems in the order of the fields
 * @returns {boolean} whether no field has an error
 */
export function showFieldErrors(problems) {
  // In reverse order, because each error moves the focus.
  for (const [input, problem] of [...problems].reverse()) {
    showFieldError(input, problem);
  }
  return problems.every(([, problem]) => !problem);
}

/** @param {HTMLFormElement} form */
function buttonOf(form) {
  return buttonById(`${form.id}-button`);
}

/** @param {Answer} answer */
function failureAdvice({ status, code, retryAfterSeconds }) {
  const { challengeFailed, challengeNotShown, failed, noAnswer, refused, tooManyAttempts, unconfirmed } = words.forms;
  if (code === "challenge_failed") {
    return document.documentElement.dataset.turnstile ? challengeFailed : challengeNotShown;
  }
  if (code === "reauthentication_required") {
    return unconfirmed;
  }
  if (status === 403) {
    return refused;
  }
  const reason = status === 429 ? tooManyAttempts : status === 0 ? noAnswer : failed;
  return `${reason} ${waitAdvice(retryAfterSeconds)}`;
}
