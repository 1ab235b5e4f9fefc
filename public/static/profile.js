/** The profile: what others may know somebody by. */
import { faultWords } from "./answers.js";
import { attempt, byId, notify, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { ask } from "./session.js";
import { words } from "./words.js";

const ME = "/api/v1/users/me";
const OPTIONAL = ["first_name", "last_name", "phone"];

const form = byId("profile");
const inputs = ["username", ...OPTIONAL].map(byId);
/** What the form was filled with, and its validator: so two windows do not overwrite each other (RFC 9110 §13.1.1). */
let shown = { values: "", etag: "" };

/** @param {import("./answers.js").Answer} answer that holds the user */
export function showProfile(answer) {
  shown = { values: valuesOf(answer.data), etag: answer.etag };
  for (const input of inputs) {
    input.value = answer.data[input.id] ?? "";
  }
}

/**
 * Starts the form.
 * @param {(user: any) => void} onChange
 */
export function watchProfile(onChange) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notify(form, "");
    const body = whatIsTyped();
    const { usernameMissing } = words.forms;
    if (!showFieldErrors(inputs.map((input) => [input, input.required && !body.username ? usernameMissing : ""]))) {
      return;
    }
    const { busyLabel, saved, changedMeanwhile } = words.account.profile;
    const { answer, isSaved } = await attempt(form, busyLabel, () => save(body));
    if (answer.ok) {
      byId("profile-button").focus();
      showProfile(answer);
      onChange(answer.data);
      if (isSaved) {
        notify(form, saved);
      } else {
        showRefusal(form, changedMeanwhile);
      }
    } else if (inputs.some(({ id }) => answer.faults[id])) {
      showFieldErrors(inputs.map((input) => [input, faultWords(answer.faults[input.id])]));
    } else {
      showFailure(form, answer);
    }
  });
}

function whatIsTyped() {
  const typed = Object.fromEntries(inputs.map(({ id, value }) => [id, value.trim() || null]));
  // Phone numbers are typed with spaces, and stored without (E.164).
  return { ...typed, phone: typed.phone?.replaceAll(/[\s()/-]/g, "") ?? null };
}

/**
 * Saves over what was shown. A validator changes with a log-in too, which is no change of the profile: then it is saved
 * all the same. Otherwise the answer holds the profile as it is now.
 * @param {Record<string, string | null>} body
 */
async function save(body) {
  const put = async () => ({ answer: await ask("PUT", ME, body, { "If-Match": shown.etag }), isSaved: true });
  const first = await put();
  if (first.answer.status !== 412) {
    return first;
  }
  const now = await ask("GET", ME);
  if (!now.ok || valuesOf(now.data) !== shown.values) {
    return { answer: now, isSaved: false };
  }
  shown.etag = now.etag;
  return put();
}

/** @param {Record<string, string | null>} user */
function valuesOf(user) {
  return JSON.stringify(inputs.map(({ id }) => user[id] ?? null));
}
