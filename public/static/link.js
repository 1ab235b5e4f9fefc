/**
 * The pages behind mailed links, like /verify-email#token=…
 *
 * The token travels in the fragment, which browsers send to no server, and is spent only by a person's click:
 * a mail scanner that opens the link, even one that runs scripts, cannot use it up.
 */
import { faultWords } from "./answers.js";
import { challengeOf, isChallengeLoaded } from "./challenge.js";
import { byId, sendForm, showFailure, showFieldError, showFieldErrors } from "./form.js";
import { forget, judgeWhileTyped } from "./password-field.js";
import { watchResend } from "./resend.js";
import { words } from "./words.js";

const { page, views } = words;
const productName = byId("product").textContent;

const card = byId("card");
const heading = byId("heading");
const actForm = byId("act");
const againButton = byId("again");
/** Those that the page has: an account is opened by an invitation alone, and no password is asked for elsewhere. */
const accountEmail = byId("account_email");
const usernameInput = byId("username");
const passwordInput = byId("new_password");

/** A forgotten password is what the service asks a challenge for, and nothing else here. */
const challenge = page.resend === "/api/v1/auth/forgot-password" ? challengeOf(byId("resend")) : undefined;

/** Kept in memory alone, so that a failed attempt can be repeated and nothing is left behind. */
let link = takeLinkFromAddress();

actForm.addEventListener("submit", spendLink);
if (page.resend) {
  watchResend(page.resend, () => moveTo("resent"), challenge);
}
againButton.addEventListener("click", () => {
  show("again");
  byId("email").focus();
});
if (passwordInput) {
  judgeWhileTyped(passwordInput, () =>
    usernameInput ? { email: accountEmail.value, username: usernameInput.value.trim().slice(0, 32) } : {},
  );
}
// Pasting a second link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => {
  // A page that was loaded anew reads the link without anybody else's script beside it.
  if (isChallengeLoaded()) {
    location.reload();
    return;
  }
  const another = takeLinkFromAddress();
  if (another) {
    link = another;
    byId("act-error").textContent = "";
    moveTo("ready");
  }
});
// Another language is another page, which needs the link as this one did.
for (const choice of document.querySelectorAll("a.language")) {
  choice.addEventListener("click", () => {
    choice.hash = link?.fragment ?? "";
    // Once it is followed, no copy of the link stays behind.
    setTimeout(() => {
      choice.hash = "";
    });
  });
}

show(link ? "ready" : "missing");

/**
 * Reads the token, if the link is whole, and takes it out of the address bar and the history, where others could
 * find it. An invitation has its address beside it.
 */
function takeLinkFromAddress() {
  const fragment = location.hash;
  const found = new URLSearchParams(fragment.slice(1));
  if (fragment) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  const token = found.get("token");
  const email = found.get("email") ?? "";
  // Whoever forged the link must not make the page say more than an address.
  if (!token || (page.opensAccount && (email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email)))) {
    return null;
  }
  if (page.opensAccount) {
    accountEmail.value = email;
  }
  return { token, fragment };
}

/** @param {string} name of the view whose words are shown, with what it offers below them */
function show(name) {
  const view = views[name];
  const offer = page.offers[name];
  heading.textContent = view.heading;
  byId("text").textContent = view.text ?? "";
  byId("points").replaceChildren(...(view.points ?? []).map(listItem));
  byId("note").textContent = view.note ?? "";
  for (const id of ["act", "resend", "login", "account"]) {
    byId(id)?.toggleAttribute("hidden", offer !== id);
  }
  // Whoever needs no link after all, or cannot get one here.
  byId("ways").hidden = offer !== "resend" && offer !== "nothing";
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
  const body = { token: link.token };
  // How long or how common a password may be is for the server to say.
  const { newPasswordMissing, usernameMissing } = words.forms;
  const problems = [];
  if (usernameInput) {
    body.email = accountEmail.value;
    body.username = usernameInput.value.trim();
    problems.push([usernameInput, body.username ? "" : usernameMissing]);
  }
  if (passwordInput) {
    body[page.passwordField] = passwordInput.value;
    problems.push([passwordInput, passwordInput.value ? "" : newPasswordMissing]);
  }
  if (!showFieldErrors(problems)) {
    return;
  }

  const answer = await sendForm(actForm, page.busyLabel, page.operation, body);
  const end = answer.ok ? "done" : ENDS[answer.code];
  if (end) {
    leave(end);
  } else if (showServersErrors(answer.faults)) {
    // What is wrong stands at the fields, and the link is kept.
  } else if (answer.code === "invalid_token" || answer.status === 422) {
    leave("invalid");
  } else {
    showFailure(actForm, answer, page.kept);
  }
}

/** What a refusal says of the link that no other attempt would change. */
const ENDS = {
  expired_token: "expired",
  email_taken: "taken",
  invitation_used: "used",
  registration_closed: "closed",
};

/**
 * Says at the fields what the server says of them. Whether it found fault with nothing else.
 * @param {Record<string, import("./answers.js").Fault>} faults
 */
function showServersErrors({ token: ofToken, email: ofEmail, username, [page.passwordField]: password }) {
  if (ofToken || ofEmail || !(username || password)) {
    return false;
  }
  if (password) {
    showFieldError(passwordInput, faultWords(password));
  }
  if (username) {
    showFieldError(usernameInput, faultWords(username));
  }
  return true;
}

/**
 * The end of this link. The password leaves the page with it.
 * @param {string} view
 */
function leave(view) {
  link = null;
  if (passwordInput) {
    forget(passwordInput);
  }
  moveTo(view);
}
