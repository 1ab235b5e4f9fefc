/**
 * Forms that call the API: one attempt at a time, what is wrong with the fields, and how to say that an attempt
 * failed. A form's button and the line for its failures have its id with `-button` and `-error`; a line `progress` is
 * read out.
 */
import { post } from "./answers.js";
import { fill, waitAdvice, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

// Before the scripts are there, nothing would come of a click. They run as one, so whoever enables is listened to.
for (const button of document.querySelectorAll("button[type=submit]:disabled")) {
  button.disabled = false;
}

/**
 * Sends a form, whose button is disabled meanwhile and says so.
 * @param {HTMLFormElement} form
 * @param {string} busyLabel
 * @param {string} path of the API's operation
 * @param {Record<string, unknown>} body
 */
export function sendForm(form, busyLabel, path, body) {
  return attempt(form, busyLabel, () => post(path, body));
}

/**
 * One attempt, by whatever asks the API.
 * @param {HTMLFormElement} form
 * @param {string} busyLabel
 * @param {() => Promise<Answer>} ask
 */
export function attempt(form, busyLabel, ask) {
  failureLine(form).textContent = "";
  return whileBusy(buttonOf(form), busyLabel, ask);
}

/**
 * Says in a form that the attempt failed for no fault of what was entered, and when to try again.
 * @param {HTMLFormElement} form
 * @param {Answer} answer
 * @param {string} comfort what else to say
 */
export function showFailure(form, answer, comfort = "") {
  // The focus goes back to the button first: an alert that is read out must not be cut off by a move.
  buttonOf(form).focus();
  showRefusal(form, failureText(answer, comfort));
}

/** @param {Answer} answer @param {string} comfort */
export function failureText(answer, comfort = "") {
  const { status, requestId } = answer;
  const reference = status !== 429 && requestId ? fill(words.forms.reference, { id: requestId }) : "";
  return [failureAdvice(answer), comfort, reference].filter(Boolean).join(" ");
}

/** Says what went well. @param {{ id: string }} form @param {string} text */
export function notify(form, text) {
  byId(`${form.id}-notice`).textContent = text;
}

/** @param {HTMLFormElement} form @param {string} text */
export function showRefusal(form, text) {
  failureLine(form).textContent = text;
}

/**
 * The obvious slips are answered here; whether an address is acceptable is for the server to say.
 * @param {HTMLInputElement} input
 */
export function emailProblem(input) {
  if (input.validity.valueMissing) {
    return words.forms.emailMissing;
  }
  return input.validity.typeMismatch ? words.forms.emailIncomplete : "";
}

/**
 * Says what is wrong with a field, until somebody mends it.
 * @param {HTMLInputElement} input whose message stands in the element with its id and `-error`
 * @param {string} message empty when the field is right
 */
export function showFieldError(input, message) {
  byId(`${input.id}-error`).textContent = message;
  if (message) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
    input.addEventListener("input", () => showFieldError(input, ""), { once: true });
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/**
 * Says at each field what is wrong with it. The first that needs mending has the focus.
 * @param {[HTMLInputElement, string][]} problems in the order of the fields
 * @returns {boolean} whether there is nothing
 */
export function showFieldErrors(problems) {
  // From the last to the first: whichever is shown last has the focus.
  for (const [input, problem] of problems.toReversed()) {
    showFieldError(input, problem);
  }
  return problems.every(([, problem]) => !problem);
}

/** @param {string} id */
export function byId(id) {
  return document.getElementById(id);
}

/** @param {HTMLFormElement} form */
function buttonOf(form) {
  return byId(`${form.id}-button`);
}

/** @param {HTMLFormElement} form */
function failureLine(form) {
  return byId(`${form.id}-error`);
}

/**
 * Disables a button while something is under way, and says so.
 * @template T
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {() => Promise<T>} task
 */
export async function whileBusy(button, label, task) {
  const progress = byId("progress");
  const usualLabel = button.textContent;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  button.textContent = label;
  progress.textContent = label;
  try {
    return await task();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    button.textContent = usualLabel;
    progress.textContent = "";
  }
}

/** @param {Answer} answer */
function failureAdvice({ status, code, retryAfterSeconds }) {
  const { challengeFailed, challengeNotShown, failed, noAnswer, refused, tooManyAttempts } = words.forms;
  if (code === "challenge_failed") {
    return document.documentElement.dataset.turnstile ? challengeFailed : challengeNotShown;
  }
  if (status === 403) {
    return refused;
  }
  const reason = status === 429 ? tooManyAttempts : status === 0 ? noAnswer : failed;
  return `${reason} ${waitAdvice(retryAfterSeconds)}`;
}
