/**
 * If the service demands a recent login for a request, asks the user for the password, or for the second factor if
 * there is one. Then the client repeats the request.
 */
import { hasPassword } from "./credentials.js";
import { dialogOf } from "./dialog.js";
import { buttonById, byId, formById, inputById, onSubmit, setText } from "./elements.js";
import { readAppCode } from "./enrolment.js";
import { attempt, showFailure, showFieldError, showRefusal } from "./form.js";
import { hasPasskeys, usePasskey } from "./passkey.js";
import { forget } from "./password-field.js";
import { ask, proveAgain, whenReauthenticationIsRequired } from "./session.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {"password" | "totp" | "passkey"} Way */

const forms = {
  password: formById("confirm-password"),
  totp: formById("confirm-totp"),
  passkey: formById("confirm-passkey"),
};
const password = inputById("confirm-current");
const code = inputById("confirm-code");
const texts = words.confirm;

/** Tells the waiting request whether the user has proved who they are. @type {(isProved: boolean) => void} */
let settle = () => {};

/** Starts the dialog. */
export function watchReauthentication() {
  const dialog = dialogOf("confirm", clear);
  byId("confirm-dialog", HTMLDialogElement).addEventListener("close", () => settle(false));
  whenReauthenticationIsRequired(async () => {
    offer(await waysOfUser());
    dialog.open();
    focusFirst();
    return new Promise((resolve) => {
      settle = resolve;
    });
  });

  /** @param {HTMLFormElement} form @param {Answer} answer */
  const conclude = (form, answer) => {
    const failures = {
      second_factor_lost: texts.factorLost,
      passkey_unused: texts.unused,
      invalid_factor: texts.wrong,
    };
    /** @type {string | undefined} */
    const failure = answer.code && Object.entries(failures).find(([name]) => name === answer.code)?.[1];
    if (answer.ok) {
      settle(true);
      dialog.close();
    } else if (answer.code === "second_factor_required" && answer.data) {
      // The user has added a factor elsewhere since the dialog opened.
      offer(answer.data.factors);
      focusFirst();
    } else if (failure) {
      buttonById(`${form.id}-button`).focus();
      showRefusal(form, failure);
    } else {
      showFailure(form, answer);
    }
  };
  onSubmit(forms.password, async () => {
    showFieldError(password, password.value ? "" : words.forms.passwordMissing);
    if (!password.value) {
      return;
    }
    const answer = await attempt(forms.password, texts.busyLabel, () => proveAgain({ password: password.value }));
    if (answer.code === "wrong_password" || answer.status === 422) {
      password.select();
      showFieldError(password, words.account.wrongPassword);
    } else {
      conclude(forms.password, answer);
    }
  });
  onSubmit(forms.totp, async () => {
    const totp = readAppCode(code, texts.code);
    if (!totp) {
      return;
    }
    const answer = await attempt(forms.totp, texts.busyLabel, () => proveAgain({ totp }));
    if (answer.code === "invalid_factor") {
      code.select();
      showFieldError(code, texts.code.wrong);
    } else {
      conclude(forms.totp, answer);
    }
  });
  onSubmit(forms.passkey, async () => {
    const prove = () => usePasskey((passkey) => proveAgain({ passkey }));
    conclude(forms.passkey, await attempt(forms.passkey, texts.passkeyBusy, prove));
  });
}

/**
 * The kinds of the user's factors. If the request fails, returns an empty list, and the dialog asks for the password.
 * If the user does have factors, the service then refuses the password and names the factors.
 * @returns {Promise<string[]>}
 */
async function waysOfUser() {
  const answer = await ask("GET", "/api/v1/users/me/factors");
  return answer.ok ? answer.data.items.map((/** @type {{ kind: string }} */ { kind }) => kind) : [];
}

/**
 * Shows the forms for these factors, or the form for the password if there are no factors. A user with no factors and
 * no password must log in again.
 * @param {readonly string[]} kinds
 */
function offer(kinds) {
  // Emailed codes work only in a login.
  const hasFactor = kinds.some((kind) => kind !== "email");
  forms.password.hidden = hasFactor || !hasPassword();
  forms.totp.hidden = !kinds.includes("totp");
  forms.passkey.hidden = !kinds.includes("passkey") || !hasPasskeys;
  // Beside the form for a code, the passkey is the second choice.
  buttonById("confirm-passkey-button").classList.toggle("button-quiet", !forms.totp.hidden);
  byId("confirm-lost", HTMLElement).hidden = !hasFactor;
  const isStuck = hasFactor && forms.totp.hidden && forms.passkey.hidden;
  const withoutFactor = hasPassword() ? texts.password : texts.logInAgain;
  setText("confirm-text", isStuck ? texts.noPasskeys : hasFactor ? texts.factor : withoutFactor);
}

function focusFirst() {
  const first = !forms.password.hidden ? password : !forms.totp.hidden ? code : buttonById("confirm-passkey-button");
  (forms.passkey.hidden && first.closest("form")?.hidden ? buttonById("confirm-cancel") : first).focus();
}

function clear() {
  forget(password);
  code.value = "";
  showFieldError(password, "");
  showFieldError(code, "");
  for (const form of Object.values(forms)) {
    showRefusal(form, "");
  }
}
