/** The list of the user's second factors, and the dialogs that rename or remove one. */
import { faultWords } from "./answers.js";
import {
  currentPassword,
  hasPassword,
  isWrongPassword,
  missingPassword,
  showWhetherPasswordIsSet,
} from "./credentials.js";
import { offerToEndOthers, showDevices } from "./devices.js";
import { dialogOf, watchDialog } from "./dialog.js";
import { byId, element, formById, inputById, onSubmit, quietButton, setText } from "./elements.js";
import { showEvents } from "./events.js";
import { attempt, failureText, notify, showFailure, showFieldError, showFieldErrors, showRefusal } from "./form.js";
import { signalPasskeysLeft } from "./passkey-signals.js";
import { forget } from "./password-field.js";
import { ask } from "./session.js";
import { showTrustedDevices } from "./trusted-devices.js";
import { counted, dayOf, fill, timeOf, words } from "./words.js";

/**
 * @typedef {{ id: string, kind: "totp" | "passkey" | "email", name: string, created_at: string,
 *   last_used_at: string | null }} Factor
 */

const FACTORS = "/api/v1/users/me/factors";
/** With this many recovery codes or fewer, the page suggests new ones. */
const FEW_CODES = 3;
const canLogInByEmail = document.documentElement.dataset.emailLogin === "on";
const canGetCodesByEmail = document.documentElement.dataset.emailCodes === "on";
const DAY_MILLISECONDS = 86_400_000;

const texts = words.security;
const title = byId("security-title", HTMLHeadingElement);
const list = byId("factors", HTMLUListElement);
const nameInput = inputById("factor-name");
const renaming = dialogOf("rename", () => showFieldError(nameInput, ""));
const removing = dialogOf("remove");

/** @type {Factor[]} */
let shown = [];
/** The factor whose dialog is open. */
let chosen = { id: "", name: "", kind: "" };

/** Whether one of the factors is a passkey. */
export function hasPasskey() {
  return shown.some(({ kind }) => kind === "passkey");
}

/** Shows the current factors. If that fails, the list stays as it is. */
export async function showFactors() {
  /** @type {import("./answers.js").Answer<{ items: Factor[], recovery_codes_left: number, has_password?: boolean, required_from?: string | null }>} */
  const answer = await ask("GET", FACTORS);
  setText("security-error", answer.ok ? "" : failureText(answer));
  if (!answer.ok) {
    return;
  }
  const { items, recovery_codes_left: left, required_from: requiredFrom } = answer.data;
  shown = items;
  // An earlier release of the service does not send `has_password`.
  showWhetherPasswordIsSet(answer.data.has_password ?? true);
  showWhatPasswordAllows();
  list.replaceChildren(...items.map(row));
  const hasNone = items.length === 0;
  list.hidden = hasNone;
  byId("no-factors", HTMLElement).hidden = !hasNone;
  byId("email-codes", HTMLElement).hidden = !(canGetCodesByEmail && hasNone && !requiredFrom && hasPassword());
  byId("recovery", HTMLElement).hidden = hasNone;
  setText("recovery-left", fill(texts.recovery.left, { count: String(left) }));
  byId("recovery-low", HTMLElement).hidden = left > FEW_CODES;
  byId("factors-required", HTMLElement).hidden = !hasNone || !requiredFrom;
  setText("factors-required", requiredFrom ? requirement(requiredFrom) : "");
}

/** Advises users without a password to add a passkey. Offers to remove the password if another login exists. */
export function showWhatPasswordAllows() {
  byId("passkey-advice", HTMLElement).hidden = hasPassword() || hasPasskey();
  byId("unset-part", HTMLElement).hidden = !hasPassword() || !(hasPasskey() || canLogInByEmail);
}

/** Shows the list after a change, and says what has changed. @param {string} news */
export async function concludeChange(news) {
  // The change has also ended the trust in all devices.
  await Promise.all([showFactors(), showTrustedDevices(), offerToEndOthers(), showEvents()]);
  announce(news);
}

/** Starts the dialogs. */
export function watchFactors() {
  const renameForm = formById("rename");
  onSubmit(renameForm, async () => {
    const { busyLabel, done, missing } = texts.rename;
    const name = nameInput.value.trim();
    showFieldError(nameInput, name ? "" : missing);
    if (!name) {
      return;
    }
    const answer = await attempt(renameForm, busyLabel, () => ask("PATCH", `${FACTORS}/${chosen.id}`, { name }));
    if (answer.ok) {
      renaming.close();
      await showFactors();
      announce(fill(done, { name }));
    } else if (answer.faults.name) {
      showFieldError(nameInput, faultWords(answer.faults.name));
    } else if (answer.code === "not_found") {
      showRefusal(renameForm, texts.gone);
    } else {
      showFailure(renameForm, answer);
    }
  });

  const removeForm = formById("remove");
  onSubmit(removeForm, async () => {
    const { busyLabel, done, needed, onlyLogin } = texts.remove;
    const { id, name, kind } = chosen;
    const answer = await attempt(removeForm, busyLabel, () => ask("DELETE", `${FACTORS}/${id}`));
    // If the factor no longer exists, the user has removed it elsewhere.
    if (answer.ok || answer.code === "not_found") {
      removing.close();
      // Tell the devices before the page says that the passkey is removed, because the user may then leave the page.
      const signalled = kind === "passkey" ? signalPasskeysLeft() : undefined;
      await concludeChange(fill(done, { name }));
      await signalled;
    } else if (answer.code === "last_factor") {
      showRefusal(removeForm, needed);
    } else if (answer.code === "last_login_method") {
      showRefusal(removeForm, onlyLogin);
    } else {
      showFailure(removeForm, answer);
    }
  });
}

/** Starts the dialog that removes the password. */
export function watchPasswordRemoval() {
  const form = formById("unset");
  const password = inputById("unset-password");
  const dialog = watchDialog("unset", () => {
    notify("security", "");
    forget(password);
    showFieldErrors([[password, ""]]);
  });
  onSubmit(form, async () => {
    if (!showFieldErrors([[password, missingPassword(password)]])) {
      return;
    }
    const { busyLabel, done, onlyLogin } = texts.unset;
    const body = currentPassword("current_password", password);
    const answer = await attempt(form, busyLabel, () => ask("DELETE", "/api/v1/users/me/password", body));
    if (answer.ok) {
      dialog.close();
      await Promise.all([showFactors(), showTrustedDevices(), showDevices(), showEvents()]);
      announce(done);
    } else if (isWrongPassword(answer, "current_password")) {
      showFieldErrors([[password, words.account.wrongPassword]]);
    } else if (answer.code === "last_login_method") {
      showRefusal(form, onlyLogin);
    } else {
      showFailure(form, answer);
    }
  });
}

/** The row that had the focus may be gone, so the heading gets the focus. @param {string} news */
function announce(news) {
  title.focus();
  notify("security", news);
}

/** @param {Factor} factor */
function row({ id, kind, name, created_at: createdAt, last_used_at: usedAt }) {
  const { added, kinds, lastUsed, neverUsed, remove, rename } = texts;
  const heading = element("p", "device-name", element("strong", "", name));
  if (name !== kinds[kind]) {
    heading.append(" ", element("span", "badge badge-plain", kinds[kind]));
  }
  const used = usedAt ? fill(lastUsed, { time: timeOf(usedAt) }) : neverUsed;
  const details = element("p", "quiet", `${fill(added, { time: dayOf(createdAt) })} · ${used}`);

  const renameButton = quietButton(rename.open, fill(rename.named, { name }));
  renameButton.addEventListener("click", () => {
    choose();
    setText("rename-heading", fill(rename.heading, { name }));
    renaming.open();
    nameInput.value = name;
    nameInput.select();
  });
  const removeButton = quietButton(remove.open, fill(remove.named, { name }));
  removeButton.addEventListener("click", () => {
    choose();
    setText("remove-heading", fill(remove.heading, { name }));
    const last = hasPassword() ? remove.last : remove.lastByEmail;
    setText("remove-text", shown.length === 1 ? `${remove[kind]} ${last}` : remove[kind]);
    removing.open();
  });
  const choose = () => {
    chosen = { id, name, kind };
    notify("security", "");
  };
  const buttons = element("div", "buttons", renameButton, removeButton);
  return element("li", "device", element("div", "", heading, details), buttons);
}

/** Says from when the user needs a second factor. @param {string} from */
function requirement(from) {
  const days = Math.ceil((Date.parse(from) - Date.now()) / DAY_MILLISECONDS);
  return days > 0
    ? fill(texts.required.soon, { date: dayOf(from), duration: counted(days, "day") })
    : texts.required.now;
}
