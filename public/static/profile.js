/** The profile: what others may know somebody by. */
import { faultWords } from "./answers.js";
import { attempt, byId, notify, showFailure, showFieldErrors, showRefusal } from "./form.js";
import { ask } from "./session.js";
import { words } from "./words.js";

const ME = "/api/v1/users/me";
const OPTIONAL = ["first_name", "last_name", "phone"];

const form = byId("profile");
/** The validator of what is shown, so that two windows do not overwrite each other (RFC 9110 §13.1.1). */
let etag = "";

/** @param {import("./answers.js").Answer} answer that holds the user */
export function showProfile(answer) {
  etag = answer.etag;
  byId("username").value = answer.data.username;
  for (const name of OPTIONAL) {
    byId(name).value = answer.data[name] ?? "";
  }
}

/** @param {(user: any) => void} onChange */
export function watchProfile(onChange) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notify(form, "");
    const username = byId("username").value.trim();
    const inputs = ["username", ...OPTIONAL].map(byId);
    if (
      !showFieldErrors(inputs.map((input) => [input, input.required && !username ? words.forms.usernameMissing : ""]))
    ) {
      return;
    }
    const optional = OPTIONAL.map((name) => [name, byId(name).value.trim() || null]);
    const body = { username, ...Object.fromEntries(optional) };
    // Phone numbers are typed with spaces, and stored without (E.164).
    body.phone = body.phone?.replaceAll(/[\s()/-]/g, "") ?? null;
    const { profile } = words.account;
    const answer = await attempt(form, profile.busyLabel, () => ask("PUT", ME, body, etag ? { "If-Match": etag } : {}));
    if (answer.ok) {
      showProfile(answer);
      onChange(answer.data);
      byId("profile-button").focus();
      notify(form, profile.saved);
    } else if (answer.status === 412) {
      await showAnew(onChange);
    } else if (inputs.some(({ id }) => answer.faults[id])) {
      showFieldErrors(inputs.map((input) => [input, faultWords(answer.faults[input.id])]));
    } else {
      showFailure(form, answer);
    }
  });
}

/** @param {(user: any) => void} onChange */
async function showAnew(onChange) {
  const answer = await ask("GET", ME);
  if (!answer.ok) {
    showFailure(form, answer);
    return;
  }
  showProfile(answer);
  onChange(answer.data);
  showRefusal(form, words.account.profile.changedMeanwhile);
}
