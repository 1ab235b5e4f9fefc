/** The second step of a login: a code from an app or an email, a passkey, or a recovery code. Each has its own view. */
import { buttonById, formById, inputById, onSubmit } from "./elements.js";
import { attempt, notify, showFieldError } from "./form.js";
import { hasPasskeys, usePasskey } from "./passkey.js";
import { proveSecondFactor, sendSecondFactorCode } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").FactorKind} Way */
/** @typedef {{ totp: string } | { emailCode: string } | { recoveryCode: string }} Code */

/**
 * The ways to prove a second factor, in the order in which the page offers them.
 * @type {Way[]}
 */
const WAYS = ["totp", "passkey", "email", "recovery_code"];

/** The id of a way's form and view. Not `email`: `view-email` asks for a login link. @param {Way} way */
const idOf = (way) => (way === "email" ? "email-code" : way);

const codeForm = formById("email-code");
const sendForm = formById("send-code");

let pendingToken = "";

/**
 * Shows the first way that the user has, with buttons for the other ways.
 * @param {{ pendingToken: string, factors: readonly Way[] }} login
 */
export function askForSecondFactor(login) {
  pendingToken = login.pendingToken;
  const usable = WAYS.filter((way) => login.factors.includes(way) && (way !== "passkey" || hasPasskeys));
  for (const button of wayButtons()) {
    button.hidden = !usable.some((way) => way === button.dataset.way);
  }
  for (const input of [inputById("totp-code"), inputById("emailed-code"), inputById("recovery-code")]) {
    input.value = "";
    showFieldError(input, "");
  }
  for (const way of WAYS) {
    trustOf(way).checked = false;
  }
  offerCode();
  moveTo(idOf(usable[0] ?? "recovery_code"));
}

/** Offers to send a code. Once the code is sent, shows the field for the code. @param {boolean} isSent */
function offerCode(isSent = false) {
  const { again, send, sent } = words.login.second.email;
  codeForm.hidden = !isSent;
  const button = buttonById("send-code-button");
  button.textContent = isSent ? again : send;
  button.classList.toggle("button-quiet", isSent);
  notify("send-code", isSent ? sent : "");
}

/**
 * Starts the forms.
 * @param {(form: HTMLFormElement, answer: Answer) => void} onFailure called for every failure except a wrong code
 */
export function watchSecondFactor(onFailure) {
  const { totp, email, recovery_code: recoveryCode } = words.login.second;
  watchCode("totp", inputById("totp-code"), totp, (typed) => {
    const code = typed.replaceAll(/\s/g, "");
    return /^\d{6}$/.test(code) ? { totp: code } : undefined;
  });
  watchCode("email", inputById("emailed-code"), email, (typed) => {
    const code = typed.replaceAll(/\s/g, "");
    return /^\d{8}$/.test(code) ? { emailCode: code } : undefined;
  });
  onSubmit(sendForm, async () => {
    notify(sendForm.id, "");
    const answer = await attempt(sendForm, words.forms.sending, () => sendSecondFactorCode({ pendingToken }));
    if (answer.ok) {
      offerCode(true);
      inputById("emailed-code").focus();
    } else {
      onFailure(sendForm, answer);
    }
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
    button.addEventListener("click", () => moveTo(button.dataset.view ?? ""));
  }

  /**
   * @param {Way} way
   * @param {HTMLInputElement} input
   * @param {{ invalid: string, wrong: string }} texts
   * @param {(typed: string) => Code | undefined} read
   */
  function watchCode(way, input, { invalid, wrong }, read) {
    const form = formById(idOf(way));
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
 * @param {Code | { passkey: import("./client.js").PasskeyCredential }} proof
 */
function prove(way, proof) {
  return proveSecondFactor({ pendingToken, ...proof, trustDevice: trustOf(way).checked });
}

/** The checkbox to trust the device. @param {Way} way */
function trustOf(way) {
  return inputById(`${idOf(way)}-trust`);
}

/** @returns {NodeListOf<HTMLButtonElement>} */
function wayButtons() {
  return document.querySelectorAll("[data-way]");
}
