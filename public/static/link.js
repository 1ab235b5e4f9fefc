/**
 * The pages that links in emails lead to, like /verify-email#token=…
 *
 * The token is in the fragment, which browsers don't send to servers, and is only used when the user clicks a button.
 * So an email scanner that opens the link can't use up the token, even if the scanner runs scripts.
 */
import { faultWords } from "./answers.js";
import { challengeOf, isChallengeLoaded } from "./challenge.js";
import { carryReturnTo } from "./destination.js";
import { buttonById, byId, findById, formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { sendForm, showFailure, showFieldErrors } from "./form.js";
import { carryFragment, takeFragment } from "./link-token.js";
import { watchPasswordChoice } from "./password-choice.js";
import { checkWhileTyped, forget } from "./password-field.js";
import { watchResend } from "./resend.js";
import { words } from "./words.js";

const { page, views } = words;
const productName = textOf("product");

const card = byId("card", HTMLElement);
const heading = byId("heading", HTMLHeadingElement);
const actForm = formById("act");
const againButton = buttonById("again");
/** These two fields are only on the page of an invitation. */
const accountEmail = findById("account_email", HTMLInputElement);
const usernameInput = findById("username", HTMLInputElement);
/** Only on pages that ask for a new password. */
const passwordInput = findById("new_password", HTMLInputElement);

/** Among the requests for another link, only a password reset needs a challenge. */
const challenge = page.resend === "/api/v1/auth/forgot-password" ? challengeOf(formById("resend")) : undefined;

// For a page that was opened without an emailed link. An emailed link has its own `return_to`.
carryReturnTo();
/** Kept in memory, so that a failed attempt can be repeated. The address bar and the history have no copy. */
let link = takeLinkFromAddress();

onSubmit(actForm, useLink);
if (page.resend) {
  watchResend(page.resend, () => moveTo("resent"), challenge);
}
againButton.addEventListener("click", () => {
  show("again");
  inputById("email").focus();
});
if (passwordInput) {
  checkWhileTyped(passwordInput, () =>
    accountEmail && usernameInput
      ? { email: accountEmail.value, username: usernameInput.value.trim().slice(0, 32) }
      : {},
  );
}
/** Only on the page of an invitation. */
const withoutPassword = passwordInput && page.passwordIsOptional ? watchPasswordChoice(passwordInput) : undefined;
// Pasting another link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  // A page with Cloudflare's script must not read a token. After a reload, the script is gone.
  if (isChallengeLoaded()) {
    location.reload();
    return;
  }
  const another = takeLinkFromAddress();
  if (another) {
    link = another;
    setText("act-error", "");
    moveTo("ready");
  }
});
carryFragment(() => link?.fragment ?? "");

show(link ? "ready" : "missing");

/**
 * Reads the link, and removes it from the address bar and the history. Returns `null` if the link is not complete. An
 * invitation also has an email address. Other links may say where to return to. The link for an account without a
 * password says that the user logs in by email.
 */
function takeLinkFromAddress() {
  const { fragment, found } = takeFragment();
  const token = found.get("token");
  const email = found.get("email") ?? "";
  // A forged link must not make the page show anything other than an email address.
  if (!token || (accountEmail && (email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email)))) {
    return null;
  }
  if (accountEmail) {
    accountEmail.value = email;
  }
  carryReturnTo(found.get("return_to"));
  return { token, fragment, logsInByEmail: found.get("login") === "email" };
}

/** Shows a view and what it offers. @param {string} name */
function show(name) {
  const view = views[name] ?? { heading: "" };
  const offer = page.offers[name];
  heading.textContent = view.heading;
  setText("text", view.text ?? "");
  byId("points", HTMLUListElement).replaceChildren(...(view.points ?? []).map(listItem));
  setText("note", view.note ?? "");
  for (const id of ["act", "resend", "login", "account"]) {
    findById(id, HTMLElement)?.toggleAttribute("hidden", offer !== id);
  }
  // Other ways to log in: for users who remember their password, or who can't get a link here.
  byId("ways", HTMLElement).hidden = offer !== "resend" && offer !== "nothing";
  if (offer === "resend") {
    challenge?.show();
  }
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
 * Shows a view and focuses its heading, so that screen readers announce it and the Tab key continues from there.
 * @param {string} name
 */
function moveTo(name) {
  // A heading that already has the focus would not be announced again.
  heading.blur();
  show(name);
  heading.focus();
}

async function useLink() {
  /** @type {Record<string, string>} */
  const body = { token: link?.token ?? "" };
  const { firstPasswordMissing, newPasswordMissing, usernameMissing } = words.forms;
  /** @type {[HTMLInputElement, string][]} */
  const problems = [];
  if (accountEmail && usernameInput) {
    body.email = accountEmail.value;
    body.username = usernameInput.value.trim();
    problems.push([usernameInput, body.username ? "" : usernameMissing]);
  }
  const isWithout = withoutPassword?.checked ?? false;
  if (passwordInput && !isWithout) {
    body[passwordInput.name] = passwordInput.value;
    const missing = accountEmail ? firstPasswordMissing : newPasswordMissing;
    problems.push([passwordInput, passwordInput.value ? "" : missing]);
  }
  if (!showFieldErrors(problems)) {
    return;
  }

  const answer = await sendForm(actForm, page.busyLabel, page.operation, body);
  const isByEmail = withoutPassword ? isWithout : link?.logsInByEmail;
  const done = views.doneByEmail && isByEmail ? "doneByEmail" : "done";
  const end = answer.ok ? done : ENDS.get(answer.code);
  if (end) {
    leave(end);
  } else if (showFieldFaults(answer.faults)) {
    // The user corrects the fields; the link still works.
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    leave("invalid");
  } else {
    showFailure(actForm, answer, page.kept);
  }
}

/**
 * The views for refusals that another attempt would not change, by the code of the refusal.
 * @type {Map<string | undefined, string>}
 */
const ENDS = new Map([
  ["expired_token", "expired"],
  ["email_taken", "taken"],
  ["invitation_used", "used"],
  ["registration_closed", "closed"],
]);

/**
 * Shows the server's errors at the fields.
 * @param {import("./answers.js").Faults} faults
 * @returns {boolean} whether the user can correct all of them
 */
function showFieldFaults({ token, email, ...faults }) {
  const inputs = [usernameInput, passwordInput].filter((input) => input !== undefined);
  if (token || email || !inputs.some(({ name }) => faults[name])) {
    return false;
  }
  if (withoutPassword?.checked && passwordInput && faults[passwordInput.name]) {
    // The link for the first superuser needs a password.
    withoutPassword.click();
  }
  showFieldErrors(inputs.map((input) => [input, faultWords(faults[input.name])]));
  return true;
}

/**
 * Ends the use of this link, and removes the password from the page.
 * @param {string} view
 */
function leave(view) {
  link = null;
  if (passwordInput) {
    forget(passwordInput);
  }
  if (view === "doneByEmail") {
    const login = byId("login", HTMLAnchorElement);
    const parameters = new URLSearchParams(login.search);
    parameters.set("by", "email");
    if (!parameters.has("return_to")) {
      parameters.set("return_to", "/account#security-title");
    }
    login.search = String(parameters);
  }
  moveTo(view);
}
