/**
 * Forms that call the API: what was sent, what came back, and how to say so. A form's button and the line for
 * its failures have its id with `-button` and `-error`; a line `progress` is read out.
 */

const REQUEST_TIMEOUT_MILLISECONDS = 20_000;

/**
 * Sends a form, whose button is disabled meanwhile and says so.
 * @param {HTMLFormElement} form
 * @param {string} busyLabel
 * @param {string} path of the API's operation
 * @param {Record<string, unknown>} body
 */
export function sendForm(form, busyLabel, path, body) {
  failureLine(form).textContent = "";
  return whileBusy(buttonOf(form), busyLabel, () => post(path, body));
}

/**
 * Says in a form that the attempt failed for no fault of what was entered, and when to try again.
 * @param {HTMLFormElement} form
 * @param {{ status: number, code?: string, retryAfterSeconds: number, requestId: string }} answer
 * @param {string} comfort what else to say
 */
export function showFailure(form, answer, comfort = "") {
  const { status, requestId } = answer;
  const reference = status !== 429 && requestId ? `Reference for support: ${requestId}` : "";
  // The focus goes back to the button first: an alert that is read out must not be cut off by a move.
  buttonOf(form).focus();
  failureLine(form).textContent = [failureAdvice(answer), comfort, reference].filter(Boolean).join(" ");
}

/**
 * The obvious slips are answered here; whether an address is acceptable is for the server to say.
 * @param {HTMLInputElement} input
 */
export function emailProblem(input) {
  if (input.validity.valueMissing) {
    return "Enter your email address.";
  }
  return input.validity.typeMismatch ? "Enter a whole address, like name@example.org." : "";
}

/**
 * @param {HTMLInputElement} input whose message stands in the element with its id and `-error`
 * @param {string} message empty when the field is right
 */
export function showFieldError(input, message) {
  byId(`${input.id}-error`).textContent = message;
  if (message) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
  } else {
    input.removeAttribute("aria-invalid");
  }
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
 * @template T
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {() => Promise<T>} task
 */
async function whileBusy(button, label, task) {
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

/**
 * Posts JSON and reduces the answer, or the lack of one (status 0), to what the pages decide on.
 * @param {string} path
 * @param {Record<string, unknown>} body
 */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json, application/problem+json" },
      body: JSON.stringify(body),
      credentials: "omit",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MILLISECONDS),
    });
    // A proxy on the way may answer with something else than JSON; then the status has to do.
    const problem = response.ok ? {} : await response.json().catch(() => ({}));
    const errors = Array.isArray(problem.errors) ? problem.errors : [];
    return {
      ok: response.ok,
      status: response.status,
      code: problem.code,
      // Of several faults of one field the first is shown: the last that is set of a name stays.
      fieldErrors: Object.fromEntries(errors.toReversed().map((error) => [error.field, error.message])),
      retryAfterSeconds: Number(response.headers.get("Retry-After")) || 0,
      requestId: response.headers.get("X-Request-Id") ?? "",
    };
  } catch {
    return { ok: false, status: 0, fieldErrors: {}, retryAfterSeconds: 0, requestId: "" };
  }
}

/** @param {{ status: number, code?: string, retryAfterSeconds: number }} answer */
function failureAdvice({ status, code, retryAfterSeconds }) {
  if (code === "challenge_failed") {
    return "This page cannot show the challenge that keeps robots away. Ask for the link where you usually log in.";
  }
  if (status === 429) {
    return `Too many attempts. ${waitAdvice(retryAfterSeconds)}`;
  }
  const reason = status === 0 ? "No answer came: check your connection." : "Our service failed for a moment.";
  return `${reason} ${waitAdvice(retryAfterSeconds)}`;
}

/** @param {number} seconds as the server asked for, or 0 when it named no time */
function waitAdvice(seconds) {
  if (seconds === 0) {
    return "Please try again in a moment.";
  }
  if (seconds < 60) {
    return `Please try again in ${counted(seconds, "second")}.`;
  }
  // The hour is given too, because a duration grows stale while the page stays open.
  const moment = new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const minutes = Math.ceil(seconds / 60);
  const duration = minutes < 60 ? counted(minutes, "minute") : `about ${counted(Math.round(minutes / 60), "hour")}`;
  return `Please try again in ${duration}, after ${moment}.`;
}

/** @param {number} amount @param {string} unit */
function counted(amount, unit) {
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}
