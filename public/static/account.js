/** The page of one's own account: who is logged in, and the parts that each look after one thing. */

import { addressForm, passwordForm, showAddress } from "./credentials.js";
import { showDevices, watchDevices } from "./devices.js";
import { attempt, byId, failureText, showFailure } from "./form.js";
import { watchLeaving } from "./leaving.js";
import { showProfile, watchProfile } from "./profile.js";
import { ask, client, goToLogin, logOut } from "./session.js";
import { moveTo, show } from "./views.js";
import { words } from "./words.js";

const logoutForm = byId("logout");
/** While somebody logs out here: what comes of it is for the form to say. */
let isLeaving = false;
/** Whose account is shown; nobody's while none is, and once it is deleted. */
let shownId = "";
/** Who logged in last, in another tab; nobody where the session is the one that the page found. */
let newcomer;

watchProfile(showPerson);
addressForm();
passwordForm(showDevices);
watchDevices();
watchLeaving(() => {
  shownId = "";
});
logoutForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  isLeaving = true;
  const answer = await attempt(logoutForm, words.account.loggingOut, () => logOut());
  isLeaving = false;
  if (answer.ok) {
    goToLogin();
  } else {
    showFailure(logoutForm, answer);
  }
});
client.onAuthStateChange(({ status, user }) => {
  newcomer = user;
  if (!shownId) {
    return;
  }
  // Logged out in another tab, or by another device.
  if (status === "signed_out" && !isLeaving) {
    goToLogin();
  }
  // Somebody else logged in in another tab: what is shown here is not theirs, and what is asked for here would be.
  if (status === "signed_in" && user?.id !== shownId) {
    location.reload();
  }
});
// Brought back by the browser as it was left, which may be long ago.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    location.reload();
  }
});
await load();

async function load() {
  const me = await ask("GET", "/api/v1/users/me");
  if (!me.ok) {
    byId("failed-text").textContent = failureText(me);
    moveTo("failed");
    return;
  }
  // They came while this was on its way to whoever was here before.
  if (newcomer && newcomer.id !== me.data.id) {
    location.reload();
    return;
  }
  showProfile(me);
  showPerson(me.data);
  await showDevices();
  show("account");
}

/** @param {{ id: string, username: string, email: string }} user */
function showPerson({ id, username, email }) {
  shownId = id;
  byId("me").textContent = username;
  byId("whose").value = username;
  showAddress(email);
}
