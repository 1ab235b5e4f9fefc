/**
 * The log-out page. A click logs out: other pages can link to this page, and must not be able to log the user out by
 * that.
 */
import { carryReturnTo, destination } from "./destination.js";
import { formById, onSubmit } from "./elements.js";
import { attempt, showFailure } from "./form.js";
import { logOut, restoreSession } from "./session.js";
import { moveTo, show } from "./views.js";
import { words } from "./words.js";

const form = formById("logout");

carryReturnTo();
onSubmit(form, async () => {
  const answer = await attempt(form, words.logout.busyLabel, () => logOut());
  if (answer.ok) {
    leave();
  } else {
    showFailure(form, answer);
  }
});
const restored = await restoreSession();
if (restored.ok && !restored.data) {
  leave();
} else {
  show("logout");
}

function leave() {
  const target = destination();
  if (target) {
    location.replace(target);
  } else {
    moveTo("done");
  }
}
