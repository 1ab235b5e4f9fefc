/** The profile form. */
import { faultWords } from "./answers.js";
import { formById, inputById, onSubmit } from "./elements.js";
import { attempt, notify, showFailure, showFieldErrors, showRefusal, showSuccess } from "./form.js";
import { ask } from "./session.js";
import { words } from "./words.js";

/** @typedef {import("./client.js").User} User */
/** @typedef {import("./answers.js").Answer<User>} UserAnswer */

const ME = "/api/v1/users/me";
/** @type {("username" | "first_name" | "last_name" | "phone")[]} */
const FIELDS = ["username", "first_name", "last_name", "phone"];

const form = formById("profile");
const inputs = FIELDS.map(inputById);
/** The values in the form, and their ETag, so that two tabs can't overwrite each other's changes (RFC 9110 §13.1.1). */
let shown = { values: "", etag: "" };

/** @param {UserAnswer} answer */
export function showProfile({ data, etag }) {
  shown = { values: valuesOf(data), etag };
  for (const field of FIELDS) {
    inputById(field).value = data[field] ?? "";
  }
}

/**
 * Starts the form.
 * @param {(user: User) => void} onChange
 */
export function watchProfile(onChange) {
  onSubmit(form, async () => {
    notify(form.id, "");
    const body = whatIsTyped();
    const { usernameMissing } = words.forms;
    if (!showFieldErrors(inputs.map((input) => [input, input.required && !body.username ? usernameMissing : ""]))) {
      return;
    }
    const { busyLabel, saved, changedMeanwhile } = words.account.profile;
    const { answer, isSaved } = await attempt(form, busyLabel, () => save(body));
    if (answer.ok) {
      showProfile(answer);
      onChange(answer.data);
      showSuccess(form, isSaved ? saved : "");
      showRefusal(form, isSaved ? "" : changedMeanwhile);
    } else if (inputs.some(({ id }) => answer.faults[id])) {
      showFieldErrors(inputs.map((input) => [input, faultWords(answer.faults[input.id])]));
    } else {
      showFailure(form, answer);
    }
  });
}

function whatIsTyped() {
  /** @type {Record<string, string | null>} */
  const typed = Object.fromEntries(inputs.map(({ id, value }) => [id, value.trim() || null]));
  // People type phone numbers with spaces; the API takes them without spaces (E.164).
  return { ...typed, username: typed.username, phone: typed.phone?.replaceAll(/[\s()/-]/g, "") ?? null };
}

/**
 * Saves the profile. If it was changed elsewhere, saves nothing, and the answer has the changed profile. The ETag also
 * changes with every login, so if only the ETag is different, saves the profile with the new ETag.
 * @param {object} body
 */
async function save(body) {
  const put = async () => ({ answer: await ask("PUT", ME, body, { "If-Match": shown.etag }), isSaved: true });
  const first = await put();
  if (first.answer.status !== 412) {
    return first;
  }
  /** @type {UserAnswer} */
  const now = await ask("GET", ME);
  if (!now.ok || valuesOf(now.data) !== shown.values) {
    return { answer: now, isSaved: false };
  }
  shown.etag = now.etag;
  return put();
}

/** @param {User} user */
function valuesOf(user) {
  return JSON.stringify(FIELDS.map((field) => user[field]));
}
