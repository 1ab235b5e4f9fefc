/**
 * The log-out page. Only a click logs the user out: other sites can link to this page, and following a link must not
 * log anyone out.
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
