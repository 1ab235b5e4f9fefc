/** The account page. Each part of the page has its own script; this one loads the user and handles the session. */

import { addressForm, passwordForm, showAddress } from "./credentials.js";
import { showDevices, watchDevices } from "./devices.js";
import { byId, formById, onSubmit, setText, textOf } from "./elements.js";
import { showEvents, watchEvents } from "./events.js";
import { hasPasskey, showFactors, showWhatPasswordAllows, watchFactors, watchPasswordRemoval } from "./factors.js";
import { attempt, failureText, showFailure } from "./form.js";
import { watchLeaving } from "./leaving.js";
import { watchNewFactors } from "./new-factors.js";
import { signalNames } from "./passkey-signals.js";
import { showProfile, watchProfile } from "./profile.js";
import { watchReauthentication } from "./reauthentication.js";
import { ask, client, goToLogin, logOut, restoreSession } from "./session.js";
import { showTrustedDevices } from "./trusted-devices.js";
import { moveTo, show } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./client.js").User} User */

const logoutForm = formById("logout");
/** Whether this page is logging out. The log-out form then handles the outcome. */
let isLeaving = false;
/** The id of the user on the page; empty before loading and after the account is deleted. */
let shownId = "";
/**
 * The user who has logged in in another tab since this page was opened.
 * @type {User | undefined}
 */
let newcomer;

watchProfile((user) => {
  showPerson(user);
  tellDevices(user);
});
addressForm();
passwordForm(() => {
  showDevices();
  showWhatPasswordAllows();
});
watchDevices();
watchFactors();
watchPasswordRemoval();
watchNewFactors(() => textOf("my-email"));
watchEvents();
watchReauthentication();
watchLeaving(() => {
  shownId = "";
});
onSubmit(logoutForm, async () => {
  isLeaving = true;
  const answer = await attempt(logoutForm, words.account.loggingOut, () => logOut());
  isLeaving = false;
  if (answer.ok) {
    goToLogin("#logged-out");
  } else {
    showFailure(logoutForm, answer);
  }
});
client.onAuthStateChange((state) => {
  newcomer = state.status === "signed_in" ? state.user : undefined;
  if (!shownId) {
    return;
  }
  // The user logged out in another tab, or logged this device out from another device.
  if (state.status === "signed_out" && !isLeaving) {
    goToLogin();
  }
  // Another user logged in in another tab: this page would show one user's data and act as the other.
  if (state.status === "signed_in" && newcomer?.id !== shownId) {
    location.reload();
  }
});
// A page that the browser restores from its back/forward cache may be out of date.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    location.reload();
  }
});
await load();

async function load() {
  // Without a session, asking for the user would leave an error in the browser's console.
  const restored = await restoreSession();
  if (restored.ok && !restored.data) {
    goToLogin();
    return;
  }
  /** @type {import("./answers.js").Answer<User>} */
  const me = restored.ok ? await ask("GET", "/api/v1/users/me") : restored;
  if (!me.ok) {
    setText("failed-text", failureText(me));
    moveTo("failed");
    return;
  }
  // Another user logged in while the request was on its way.
  if (newcomer && newcomer.id !== me.data.id) {
    location.reload();
    return;
  }
  showProfile(me);
  showPerson(me.data);
  await Promise.all([showDevices(), showFactors(), showTrustedDevices(), showEvents()]);
  show("account");
  // When the browser wanted to scroll to the part in the URL's fragment, the page was still hidden.
  document.getElementById(location.hash.slice(1))?.focus();
  // A link in an email may have changed the email address since the last visit.
  tellDevices(me.data);
}

/** @param {User} user */
function tellDevices(user) {
  if (hasPasskey()) {
    signalNames(user);
  }
}

/** @param {User} user */
function showPerson({ id, username, email, role, is_superuser }) {
  shownId = id;
  // Users with any other role are operators.
  byId("to-console", HTMLElement).hidden = role === "user" && !is_superuser;
  setText("me", username);
  /** @type {NodeListOf<HTMLInputElement>} */
  const inputs = document.querySelectorAll("input.whose");
  for (const input of inputs) {
    input.value = username;
  }
  showAddress(email);
}
