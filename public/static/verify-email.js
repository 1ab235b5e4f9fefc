/**
 * The page behind the link in a verification mail: /verify-email#token=…
 *
 * The token travels in the fragment, which browsers send to no server, and is spent only by a person's click:
 * a mail scanner that opens the link, even one that runs scripts, cannot use it up.
 */

const REQUEST_TIMEOUT_MILLISECONDS = 20_000;

const card = byId("card");
const progress = byId("progress");
const verifyButton = byId("verify");
const resendForm = byId("resend");
const resendButton = byId("resend-button");
const resendError = byId("resend-error");
const emailInput = byId("email");
const emailError = byId("email-error");

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let token = takeTokenFromAddress();

verifyButton.addEventListener("click", verify);
resendForm.addEventListener("submit", resend);
byId("change-address").addEventListener("click", () => {
  show("again");
  emailInput.focus();
});
// Pasting a second link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  const anotherToken = takeTokenFromAddress();
  if (anotherToken) {
    token = anotherToken;
    show("ready");
    focusHeading();
  }
});

show(token ? "ready" : "missing");
card.hidden = false;

/** Reads the token and takes it out of the address bar and the history, where others could find it. */
function takeTokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return found;
}

async function verify() {
  const answer = await whileBusy(verifyButton, "Verifying…", () => post("/api/v1/auth/verify-email", { token }));
  if (answer.ok) {
    show("verified");
  } else if (answer.code === "expired_token") {
    show("expired");
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    show("invalid");
  } else {
    show(answer.status === 429 ? "limited" : "unavailable");
    verifyButton.textContent = "Try again";
    for (const place of card.querySelectorAll("[data-wait]")) {
      place.textContent = waitAdvice(answer.retryAfterSeconds);
    }
    byId("reference").textContent = answer.requestId;
    byId("reference-line").hidden = !answer.requestId;
  }
  focusHeading();
}

/** @param {SubmitEvent} event */
async function resend(event) {
  event.preventDefault();
  resendError.textContent = "";
  showEmailError(emailProblem());
  if (emailError.textContent) {
    return;
  }

  const email = emailInput.value.trim();
  const answer = await whileBusy(resendButton, "Sending…", () => post("/api/v1/auth/resend-verification", { email }));
  if (answer.ok) {
    show("resent");
    focusHeading();
  } else if (answer.status === 422) {
    showEmailError(answer.fieldErrors.email ?? "This address is not accepted. Check it for a slip.");
  } else {
    // The focus goes back to the button first: an alert that is read out must not be cut off by a move.
    resendButton.focus();
    resendError.textContent =
      answer.status === 429
        ? `Too many requests. ${waitAdvice(answer.retryAfterSeconds)}`
        : `Either your connection or our service failed for a moment. ${waitAdvice(answer.retryAfterSeconds)}`;
  }
}

/** The obvious slips are answered here; whether an address is acceptable is for the server to say. */
function emailProblem() {
  if (emailInput.validity.valueMissing) {
    return "Enter your email address.";
  }
  return emailInput.validity.typeMismatch ? "Enter a whole address, like name@example.org." : "";
}

/** @param {string} message empty when the field is right */
function showEmailError(message) {
  emailError.textContent = message;
  if (message) {
    emailInput.setAttribute("aria-invalid", "true");
    emailInput.focus();
  } else {
    emailInput.removeAttribute("aria-invalid");
  }
}

/** @param {string} name of the section to show; all others are hidden */
function show(name) {
  for (const view of card.querySelectorAll("[data-view]")) {
    view.hidden = view.dataset.view !== name;
  }
  card.dataset.showing = name;
  const { offers } = currentView().dataset;
  verifyButton.hidden = offers !== "verify";
  verifyButton.textContent = "Verify my address";
  resendForm.hidden = offers !== "resend";
  document.title = `${currentView().querySelector("h1").textContent} · Postern`;
}

/** Brings whoever cannot see the page to the result; also where the Tab key goes on from. */
function focusHeading() {
  currentView().querySelector("h1").focus();
}

function currentView() {
  return card.querySelector("[data-view]:not([hidden])");
}

/**
 * Runs a task while the button is disabled and says so.
 * @template T
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {() => Promise<T>} task
 */
async function whileBusy(button, label, task) {
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
 * Posts JSON and reduces the answer, or the lack of one (status 0), to what this page decides on.
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
      fieldErrors: Object.fromEntries(errors.map((error) => [error.field, error.message])),
      retryAfterSeconds: Number(response.headers.get("Retry-After")) || 0,
      requestId: response.headers.get("X-Request-Id") ?? "",
    };
  } catch {
    return { ok: false, status: 0, fieldErrors: {}, retryAfterSeconds: 0, requestId: "" };
  }
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

/** @param {string} id */
function byId(id) {
  return document.getElementById(id);
}
