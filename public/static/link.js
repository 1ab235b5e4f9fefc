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
const accountEmail = byId("account_email");
const usernameInput = byId("username");
const passwordInput = byId("new_password");
const revealButton = byId("reveal");
const resendForm = byId("resend");
const emailInput = byId("email");
const againButton = byId("again");

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let token = takeLinkFromAddress();

byId("act-button").textContent = act.label;
// Hidden, they would still wake password managers.
if (!act.passwordField) {
  byId("password").remove();
}
if (act.opensAccount) {
  byId("new_password-label").textContent = "Password";
} else {
  byId("account").remove();
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
  const anotherToken = takeLinkFromAddress();
  if (anotherToken) {
    token = anotherToken;
    byId("act-error").textContent = "";
    moveTo("ready");
  }
});

show(token ? "ready" : "missing");

/**
 * Reads the token, if the link is whole, and takes it out of the address bar and the history, where others could
 * find it. An invitation has its address beside it.
 */
function takeLinkFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  if (location.hash) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  if (!act.opensAccount) {
    return found.get("token");
  }
  const email = found.get("email") ?? "";
  accountEmail.value = email;
  // Whoever forged the link must not make the page say more than an address.
  return email.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(email) ? found.get("token") : null;
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
  if (act.passwordField) {
    // How long or how common it may be is for the server to say.
    const problem = passwordInput.value ? "" : "Enter a new password.";
    // From the last to the first: whichever is shown last has the focus.
    showFieldError(passwordInput, problem);
    const isNamed = !act.opensAccount || takeName(body);
    if (problem || !isNamed) {
      return;
    }
    body[act.passwordField] = passwordInput.value;
  }

  const answer = await sendForm(actForm, act.busyLabel, act.operation, body);
  const { fieldErrors } = answer;
  if (answer.ok) {
    leave("done");
  } else if (answer.code === "expired_token") {
    leave("expired");
  } else if (answer.code === "email_taken") {
    leave("taken");
  } else if (answer.code === "invitation_used") {
    leave("used");
  } else if (answer.code === "registration_closed") {
    leave("closed");
  } else if (showServersErrors(fieldErrors)) {
    // What is wrong stands at the fields, and the link is kept.
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    leave("invalid");
  } else {
    showFailure(actForm, answer, "Your link is kept.");
  }
}

/**
 * Puts the name of the account that is opened into what is sent. False, and said so, where there is none.
 * @param {Record<string, string>} body
 */
function takeName(body) {
  body.email = accountEmail.value;
  body.username = usernameInput.value.trim();
  showFieldError(usernameInput, body.username ? "" : "Choose a username.");
  return body.username !== "";
}

/**
 * Says at the fields what the server says of them. Whether it found fault with nothing else.
 * @param {Record<string, string>} fieldErrors
 */
function showServersErrors({ token: ofToken, email: ofEmail, username, [act.passwordField]: password }) {
  if (ofToken || ofEmail || !(username || password)) {
    return false;
  }
  if (password) {
    // The server knows its own rules; the hint could contradict them.
    byId("new_password-hint").textContent = "";
    showFieldError(passwordInput, password);
  }
  if (username) {
    showFieldError(usernameInput, username);
  }
  return true;
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
