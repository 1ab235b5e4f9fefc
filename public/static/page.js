/**
 * What the pages behind mailed links share: views of which one is shown at a time, the token from the link,
 * calls to the API, and the form that asks for another link.
 *
 * Such a page has a card with sections `data-view`, and a line for progress that is read out. A section's
 * `data-offers` is the id of what stands below it.
 */

const REQUEST_TIMEOUT_MILLISECONDS = 20_000;

const card = byId("card");
const progress = byId("progress");

/** @param {string} name of the section to show; all others are hidden */
export function show(name) {
  const views = [...card.querySelectorAll("[data-view]")];
  for (const view of views) {
    view.hidden = view.dataset.view !== name;
  }
  card.dataset.showing = name;
  const { offers } = currentView().dataset;
  for (const id of new Set(views.map((view) => view.dataset.offers))) {
    if (id) {
      byId(id).hidden = id !== offers;
    }
  }
  document.title = `${currentView().querySelector("h1").textContent} · Postern`;
  card.hidden = false;
}

/** Brings whoever cannot see the page to the result; also where the Tab key goes on from. */
export function focusHeading() {
  currentView().querySelector("h1").focus();
}

function currentView() {
  return card.querySelector("[data-view]:not([hidden])");
}

/** Reads the token, if there is one, and takes it out of the address bar and the history, where others could find it. */
export function takeTokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return found;
}

/**
 * Lets the form with the id `resend` ask for another link. The views `resent` and `again` belong to it.
 * @param {string} path of the API's operation, which takes an email address
 */
export function offerAnotherLink(path) {
  const form = byId("resend");
  const button = byId("resend-button");
  const formError = byId("resend-error");
  const emailInput = byId("email");

  byId("change-address").addEventListener("click", () => {
    show("again");
    emailInput.focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    formError.textContent = "";
    const problem = emailProblem(emailInput);
    showFieldError(emailInput, problem);
    if (problem) {
      return;
    }

    const email = emailInput.value.trim();
    const answer = await whileBusy(button, "Sending…", () => post(path, { email }));
    if (answer.ok) {
      show("resent");
      focusHeading();
    } else if (answer.status === 422) {
      showFieldError(emailInput, answer.fieldErrors.email ?? "This address is not accepted. Check it for a slip.");
    } else {
      // The focus goes back to the button first: an alert that is read out must not be cut off by a move.
      button.focus();
      formError.textContent = failureAdvice(answer);
    }
  });
}

/**
 * The obvious slips are answered here; whether an address is acceptable is for the server to say.
 * @param {HTMLInputElement} input
 */
function emailProblem(input) {
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

/**
 * What to say in a form when an attempt failed for no fault of what was entered.
 * @param {{ status: number, retryAfterSeconds: number }} answer
 */
export function failureAdvice({ status, retryAfterSeconds }) {
  const reason = status === 429 ? "Too many requests." : "Either your connection or our service failed for a moment.";
  return `${reason} ${waitAdvice(retryAfterSeconds)}`;
}

/**
 * Runs a task while the button is disabled and says so.
 * @template T
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {() => Promise<T>} task
 */
export async function whileBusy(button, label, task) {
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
export async function post(path, body) {
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
      fieldErrors: Object.fromEntries(errors.map((error) => [error.field, error.message])),
      retryAfterSeconds: Number(response.headers.get("Retry-After")) || 0,
      requestId: response.headers.get("X-Request-Id") ?? "",
    };
  } catch {
    return { ok: false, status: 0, fieldErrors: {}, retryAfterSeconds: 0, requestId: "" };
  }
}

/** @param {number} seconds as the server asked for, or 0 when it named no time */
export function waitAdvice(seconds) {
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

/** @param {string} id */
export function byId(id) {
  return document.getElementById(id);
}
