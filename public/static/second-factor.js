/** The second step of a login: a code of an authenticator app, a passkey, or a recovery code. Each way has a view. */
import { formById, inputById, onSubmit } from "./elements.js";
import { attempt, showFieldError } from "./form.js";
import { hasPasskeys, usePasskey } from "./passkey.js";
import { proveSecondFactor } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").FactorKind} Way */

/**
 * In the order in which they are offered.
 * @type {Way[]}
 */
const WAYS = ["totp", "passkey", "recovery_code"];

let pendingToken = "";

/**
 * Shows the first way that the user has, with buttons to the others.
 * @param {{ pendingToken: string, factors: readonly Way[] }} login
 */
export function askForSecondFactor(login) {
  pendingToken = login.pendingToken;
  const usable = WAYS.filter((way) => login.factors.includes(way) && (way !== "passkey" || hasPasskeys));
  for (const button of wayButtons()) {
    button.hidden = !usable.some((way) => way === button.dataset.way);
  }
  for (const input of [inputById("totp-code"), inputById("recovery-code")]) {
    input.value = "";
    showFieldError(input, "");
  }
  for (const way of WAYS) {
    trustOf(way).checked = false;
  }
  moveTo(usable[0] ?? "recovery_code");
}

/**
 * Starts the forms.
 * @param {(form: HTMLFormElement, answer: Answer) => void} onFailure called for what is no wrong code
 */
export function watchSecondFactor(onFailure) {
  const { totp, recovery_code: recoveryCode } = words.login.second;
  watchCode("totp", inputById("totp-code"), totp, (typed) => {
    const code = typed.replaceAll(/\s/g, "");
    return /^\d{6}$/.test(code) ? { totp: code } : undefined;
  });
  watchCode("recovery_code", inputById("recovery-code"), recoveryCode, (typed) => {
    // Sent as typed: other services may have hashed imported codes with spaces, hyphens or capitals.
    const code = typed.trim();
    return code.length >= 8 && code.length <= 64 ? { recoveryCode: code } : undefined;
  });

  const passkeyForm = formById("passkey");
  onSubmit(passkeyForm, async () => {
    const answer = await attempt(passkeyForm, words.login.passkey.busyLabel, () =>
      usePasskey((passkey) => prove("passkey", { passkey }), { pending_token: pendingToken }),
    );
    if (!answer.ok) {
      onFailure(passkeyForm, answer);
    }
  });

  for (const button of wayButtons()) {
    button.addEventListener("click", () => moveTo(button.dataset.way ?? ""));
  }

  /**
   * @param {Way} way
   * @param {HTMLInputElement} input
   * @param {{ invalid: string, wrong: string }} texts
   * @param {(typed: string) => { totp: string } | { recoveryCode: string } | undefined} read
   */
  function watchCode(way, input, { invalid, wrong }, read) {
    const form = formById(way);
    onSubmit(form, async () => {
      const proof = read(input.value);
      showFieldError(input, proof ? "" : invalid);
      if (!proof) {
        return;
      }
      const answer = await attempt(form, words.login.busyLabel, () => prove(way, proof));
      if (answer.code === "invalid_factor") {
        input.select();
        showFieldError(input, wrong);
      } else if (!answer.ok) {
        onFailure(form, answer);
      }
    });
  }
}

/**
 * @param {Way} way
 * @param {{ totp: string } | { recoveryCode: string } | { passkey: import("./client.js").PasskeyCredential }} proof
 */
function prove(way, proof) {
  return proveSecondFactor({ pendingToken, ...proof, trustDevice: trustOf(way).checked });
}

/** The checkbox to trust the device. @param {Way} way */
function trustOf(way) {
  return inputById(`${way}-trust`);
}

/** @returns {NodeListOf<HTMLButtonElement>} */
function wayButtons() {
  return document.querySelectorAll("[data-way]");
}
