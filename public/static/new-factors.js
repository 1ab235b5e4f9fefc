/** Adds second factors, and creates recovery codes. */
import { dialogOf, watchDialog } from "./dialog.js";
import { buttonById, byId, formById, inputById, onSubmit, setText, whileBusy } from "./elements.js";
import { forgetApp, showApp, showRecoveryCodes, watchApp, watchRecoveryCodes } from "./enrolment.js";
import { concludeChange } from "./factors.js";
import { attempt, failureText, notify, showFailure } from "./form.js";
import { createPasskey, hasPasskeys } from "./passkey.js";
import { ask } from "./session.js";
import { fill, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

const texts = words.security;
const codesDialog = byId("codes-dialog", HTMLDialogElement);
/** The message that is shown when the user has saved the recovery codes. */
let news = "";

/**
 * Starts the buttons and the dialogs.
 * @param {() => string} accountName is shown above downloaded or printed recovery codes
 */
export function watchNewFactors(accountName) {
  watchNewPasskey();
  watchNewApp();
  watchEmailCodes();
  watchNewCodes();
  watchRecoveryCodes(accountName);
  // Escape must not close this dialog: the codes can't be shown again.
  codesDialog.addEventListener("cancel", (event) => event.preventDefault());
  buttonById("codes-done").addEventListener("click", () => codesDialog.close());
  codesDialog.addEventListener("close", () => {
    showRecoveryCodes([]);
    concludeChange(news);
  });
}

function watchNewPasskey() {
  const { busyLabel, done, exists, failed, refused, unsupported, unused } = texts.passkey;
  const button = buttonById("passkey-open");
  /** @type {Record<string, string>} */
  const failures = {
    passkey_exists: exists,
    passkey_unused: unused,
    passkey_failed: failed,
    invalid_passkey: refused,
    too_many_factors: texts.tooMany,
  };
  button.addEventListener("click", async () => {
    notify("security", "");
    setText("security-error", hasPasskeys ? "" : unsupported);
    if (!hasPasskeys) {
      return;
    }
    const answer = await whileBusy(button, busyLabel, () =>
      createPasskey(
        () => ask("POST", "/api/v1/users/me/factors/passkeys/options"),
        (credential) => ask("POST", "/api/v1/users/me/factors/passkeys", { credential }),
      ),
    );
    if (answer.ok) {
      conclude(answer.data.recovery_codes, fill(done, { name: answer.data.name }));
    } else {
      button.focus();
      setText("security-error", failures[answer.code ?? ""] ?? failureText(answer));
    }
  });
}

function watchNewApp() {
  const { busyLabel, done, unnamed } = texts.app;
  const button = buttonById("app-open");
  const nameInput = inputById("app-name");
  const dialog = dialogOf("app", () => {
    forgetApp();
    nameInput.value = "";
  });
  let id = "";
  button.addEventListener("click", async () => {
    notify("security", "");
    setText("security-error", "");
    const add = () => ask("POST", "/api/v1/users/me/factors/totp", { name: unnamed });
    const answer = await whileBusy(button, busyLabel, add);
    if (!answer.ok) {
      button.focus();
      setText("security-error", answer.code === "too_many_factors" ? texts.tooMany : failureText(answer));
      return;
    }
    id = answer.data.id;
    dialog.open();
    showApp(answer.data);
    byId("app-heading", HTMLElement).focus();
  });
  watchApp(async (code) => {
    const answer = await ask("POST", "/api/v1/users/me/factors/totp/confirm", { code });
    if (answer.ok) {
      const wish = nameInput.value.trim();
      // If this fails, the app keeps the default name, and the user can rename it.
      const isNamed = wish && (await ask("PATCH", `/api/v1/users/me/factors/${id}`, { name: wish })).ok;
      dialog.close();
      conclude(answer.data.recovery_codes, fill(done, { name: isNamed ? wish : unnamed }));
    }
    return answer;
  });
}

function watchEmailCodes() {
  const { busyLabel, done, refused, unnamed } = texts.email;
  const button = buttonById("email-codes-open");
  button.addEventListener("click", async () => {
    notify("security", "");
    setText("security-error", "");
    const add = () => ask("POST", "/api/v1/users/me/factors/email", { name: unnamed });
    const answer = await whileBusy(button, busyLabel, add);
    if (answer.ok) {
      conclude(answer.data.recovery_codes, done);
    } else {
      button.focus();
      setText("security-error", answer.code === "email_factor_not_allowed" ? refused : failureText(answer));
    }
  });
}

function watchNewCodes() {
  const { busyLabel, done } = texts.recovery;
  const form = formById("renew");
  const dialog = watchDialog("renew", () => notify("security", ""));
  onSubmit(form, async () => {
    const answer = await attempt(form, busyLabel, () => ask("POST", "/api/v1/users/me/recovery-codes"));
    if (answer.ok) {
      dialog.close();
      conclude(answer.data.recovery_codes, done);
    } else {
      showFailure(form, answer);
    }
  });
}

/**
 * Says what has changed. If there are new recovery codes, shows them first.
 * @param {string[] | null | undefined} codes
 * @param {string} text
 */
function conclude(codes, text) {
  news = text;
  if (!codes) {
    concludeChange(news);
    return;
  }
  showRecoveryCodes(codes);
  codesDialog.showModal();
  byId("codes-heading", HTMLElement).focus();
}
