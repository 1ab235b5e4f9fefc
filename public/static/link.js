/**
 * The pages behind mailed links, like /verify-email#token=…; their words are in link-pages.js.
 *
 * The token travels in the fragment, which browsers send to no server, and is spent only by a person's click:
 * a mail scanner that opens the link, even one that runs scripts, cannot use it up.
 */
import { byId, emailProblem, sendForm, showFailure, showFieldError } from "./form.js";
import { LINK_PAGES } from "./link-pages.js";

const { views, act, resend } = LINK_PAGES[location.pathname.replace(/\/$/, "")];
const productName = document.title;

const card = byId("card");
const heading = byId("heading");
const actForm = byId("act");
const passwordInput = byId("new_password");
const revealButton = byId("reveal");
const resendForm = byId("resend");
const emailInput = byId("email");
const againButton = byId("again");

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let token = takeTokenFromAddress();

byId("act-button").textContent = act.label;
if (!act.asksPassword) {
  // Hidden, it would still wake password managers.
  byId("password").remove();
}
actForm.addEventListener("submit", spendLink);
revealButton.addEventListener("click", () => reveal(passwordInput.type === "password"));
resendForm.addEventListener("submit", askForAnotherLink);
againButton.addEventListener("click", () => {
  show("again");
  emailInput.focus();
});
// Pasting a second link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  const anotherToken = takeTokenFromAddress();
  if (anotherToken) {
    token = anotherToken;
    byId("act-error").textContent = "";
    moveTo("ready");
  }
});

show(token ? "ready" : "missing");

/** Reads the token, if there is one, and takes it out of the address bar and the history, where others could find it. */
function takeTokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return found;
}

/** @param {string} name of the view whose words are shown, with what it offers below them */
function show(name) {
  const view = views[name];
  heading.textContent = view.heading;
  byId("text").textContent = view.text ?? "";
  byId("points").replaceChildren(...(view.points ?? []).map(listItem));
  byId("note").textContent = view.note ?? "";
  actForm.hidden = view.offers !== "act";
  resendForm.hidden = view.offers !== "resend";
  againButton.hidden = !view.again;
  againButton.textContent = view.again ?? "";
  card.dataset.showing = name;
  card.hidden = false;
  document.title = `${view.heading} · ${productName}`;
}

/** @param {string} text */
function listItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

/**
 * Shows a view and brings whoever cannot see the page to it; the Tab key goes on from there too.
 * @param {string} name
 */
function moveTo(name) {
  // A heading that has the focus already would not be read again.
  heading.blur();
  show(name);
  heading.focus();
}

/** @param {SubmitEvent} event */
async function spendLink(event) {
  event.preventDefault();
  const body = { token };
  if (act.asksPassword) {
    // How long or how common it may be is for the server to say.
    const problem = passwordInput.value ? "" : "Enter a new password.";
    showFieldError(passwordInput, problem);
    if (problem) {
      return;
    }
    body.new_password = passwordInput.value;
  }

  const answer = await sendForm(actForm, act.busyLabel, act.operation, body);
  const { fieldErrors } = answer;
  if (answer.ok) {
    leave("done");
  } else if (answer.code === "expired_token") {
    leave("expired");
  } else if (answer.code === "email_taken") {
    leave("taken");
  } else if (answer.status === 422 && fieldErrors.new_password && !fieldErrors.token) {
    // The server knows its own rules; the hint could contradict them.
    byId("new_password-hint").textContent = "";
    showFieldError(passwordInput, fieldErrors.new_password);
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    leave("invalid");
  } else {
    showFailure(actForm, answer, "Your link is kept.");
  }
}

/**
 * The end of this link. The password leaves the page with it.
 * @param {string} view
 */
function leave(view) {
  token = null;
  passwordInput.value = "";
  reveal(false);
  moveTo(view);
}

/** @param {boolean} readable whether the password can be read on the screen */
function reveal(readable) {
  passwordInput.type = readable ? "text" : "password";
  revealButton.setAttribute("aria-pressed", String(readable));
}

/** @param {SubmitEvent} event */
async function askForAnotherLink(event) {
  event.preventDefault();
  const problem = emailProblem(emailInput);
  showFieldError(emailInput, problem);
  if (problem) {
    return;
  }

  const answer = await sendForm(resendForm, "Sending…", resend.operation, { email: emailInput.value.trim() });
  if (answer.ok) {
    moveTo("resent");
  } else if (answer.status === 422) {
    showFieldError(emailInput, answer.fieldErrors.email ?? "This address is not accepted. Check it for a slip.");
  } else {
    showFailure(resendForm, answer);
  }
}
