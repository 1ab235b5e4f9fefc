/** The page of one's own account: who is logged in, and the parts that each look after one thing. */

import { addressForm, passwordForm, showAddress } from "./credentials.js";
import { showDevices, watchDevices } from "./devices.js";
import { attempt, byId, showFailure } from "./form.js";
import { watchLeaving } from "./leaving.js";
import { showProfile, watchProfile } from "./profile.js";
import { ask, client, goToLogin, logOut } from "./session.js";
import { show } from "./views.js";
import { words } from "./words.js";

const logoutForm = byId("logout");

watchProfile(showPerson);
addressForm();
passwordForm(showDevices);
watchDevices();
watchLeaving();
logoutForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await attempt(logoutForm, words.account.loggingOut, () => logOut());
  if (answer.ok || answer.status === 401) {
    goToLogin();
  } else {
    showFailure(logoutForm, answer);
  }
});
// Logged out in another tab, or by another device.
client.onAuthStateChange(({ status }) => {
  if (status === "signed_out" && !byId("view-account").hidden) {
    goToLogin();
  }
});
await load();

async function load() {
  const me = await ask("GET", "/api/v1/users/me");
  if (me.status === 401) {
    return;
  }
  if (!me.ok) {
    show("failed");
    return;
  }
  showProfile(me);
  showPerson(me.data);
  await showDevices();
  show("account");
}

/** @param {{ username: string, email: string }} user */
function showPerson({ username, email }) {
  byId("me").textContent = username;
  byId("whose").value = username;
  showAddress(email);
}
