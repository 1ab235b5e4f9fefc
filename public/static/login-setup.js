/** The step of a login that sets up a required second factor: an authenticator app, or a passkey. */
import { post } from "./answers.js";
import { buttonById, formById, onSubmit } from "./elements.js";
import { forgetApp, showApp, showRecoveryCodes, watchApp, watchRecoveryCodes } from "./enrolment.js";
import { attempt, showRefusal } from "./form.js";
import { createPasskey, hasPasskeys } from "./passkey.js";
import { leadOn, stayHere } from "./return-to.js";
import { setUpSecondFactor } from "./session.js";
import { moveTo } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

let enrolmentToken = "";
let account = "";

/**
 * Asks the service for a new app, and shows its secret.
 * @param {{ enrolmentToken: string }} login
 * @returns {Promise<Answer>} the answer of the service
 */
export async function beginSetup(login) {
  enrolmentToken = login.enrolmentToken;
  const answer = await post("/api/v1/auth/enrolment/totp", { enrolment_token: enrolmentToken });
  if (answer.ok) {
    // Finishing the setup logs the user in. The page must then stay, to show the recovery codes.
    stayHere();
    showApp(answer.data);
    moveTo("setup");
  }
  return answer;
}

/**
 * Starts the forms.
 * @param {(form: HTMLFormElement, answer: Answer) => void} onFailure called for failures of the login itself
 */
export function watchSetup(onFailure) {
  const { busyLabel, exists, failed, refused, unused } = words.newPasskey;
  const passkeyForm = formById("new-passkey");
  /** @type {Record<string, string>} */
  const failures = {
    passkey_exists: exists,
    passkey_unused: unused,
    passkey_failed: failed,
    invalid_passkey: refused,
  };
  passkeyForm.hidden = !hasPasskeys;
  watchApp(async (code) => conclude(await setUpSecondFactor({ enrolmentToken, totp: code })), onFailure);
  onSubmit(passkeyForm, async () => {
    showRefusal(formById("app"), "");
    const answer = await attempt(passkeyForm, busyLabel, () =>
      createPasskey(
        () => post("/api/v1/auth/enrolment/passkey/options", { enrolment_token: enrolmentToken }),
        (passkey) => setUpSecondFactor({ enrolmentToken, passkey }),
      ),
    );
    const failure = failures[answer.code ?? ""];
    if (failure) {
      buttonById("new-passkey-button").focus();
      showRefusal(passkeyForm, failure);
    } else if (!conclude(answer).ok) {
      onFailure(passkeyForm, answer);
    }
  });
  watchRecoveryCodes(() => account);
  buttonById("codes-done").addEventListener("click", leadOn);
}

/** Shows the recovery codes. @param {Answer} answer */
function conclude(answer) {
  if (answer.ok) {
    account = answer.data.user.email;
    forgetApp();
    showRecoveryCodes(answer.data.recoveryCodes);
    moveTo("codes");
  }
  return answer;
}
