/**
 * The page of an emailed link that logs in. Only a click uses up the link, so an email scanner that opens the link
 * doesn't. In the browser that asked for the link, the click is enough. In another browser, the user types the code
 * that the first browser shows.
 */
import { carryReturnTo } from "./destination.js";
import { formById, inputById, onSubmit } from "./elements.js";
import { attempt, showFailure, showFieldError, showRefusal } from "./form.js";
import { carryFragment, takeFragment } from "./link-token.js";
import { beginSetup, watchSetup } from "./login-setup.js";
import { leadAtLogin } from "./return-to.js";
import { askForSecondFactor, watchSecondFactor } from "./second-factor.js";
import { logInWithEmail } from "./session.js";
import { moveTo, show } from "./views.js";
import { words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

const readyForm = formById("ready");
const codeForm = formById("code");
const codeInput = inputById("login-code");

const { fragment, found } = takeFragment();
const token = found.get("token") ?? "";

carryReturnTo(found.get("return_to"));
leadAtLogin();
carryFragment(() => fragment);
onSubmit(readyForm, () => useLink(readyForm, {}));
onSubmit(codeForm, submitCode);
watchSecondFactor(fail);
watchSetup(fail);
// Pasting another link into the same tab changes the fragment without loading the page again.
window.addEventListener("hashchange", () => location.reload());
show(token ? "ready" : "missing");

async function submitCode() {
  const code = codeInput.value.replaceAll(/[\s-]/g, "");
  const isComplete = /^[a-z]{8}$/i.test(code);
  showFieldError(codeInput, isComplete ? "" : words.emailLogin.invalid);
  if (isComplete) {
    await useLink(codeForm, { code });
  }
}

/** @param {HTMLFormElement} form @param {{ code?: string }} proof */
async function useLink(form, proof) {
  const answer = await attempt(form, words.login.busyLabel, () => logInWithEmail({ token, ...proof }));
  if (answer.ok) {
    // `leadAtLogin` leaves the page.
  } else if (answer.code === "login_code_required") {
    moveTo("code");
  } else if (answer.code === "invalid_login_code") {
    codeInput.select();
    showFieldError(codeInput, words.emailLogin.wrong);
  } else if (answer.code === "second_factor_required" && answer.data) {
    askForSecondFactor(answer.data);
  } else if (answer.code === "second_factor_enrolment_required" && answer.data) {
    await setUp(form, answer.data);
  } else {
    fail(form, answer);
  }
}

/** @param {HTMLFormElement} form @param {{ enrolmentToken: string }} login */
async function setUp(form, login) {
  const begun = await attempt(form, words.login.busyLabel, () => beginSetup(login));
  if (!begun.ok) {
    fail(form, begun);
  }
}

/** @param {HTMLFormElement} form @param {Answer} answer */
function fail(form, answer) {
  const { cookiesRefused, disabled, factorLost, passkey } = words.login;
  /** @type {Record<string, string>} */
  const texts = {
    account_disabled: disabled,
    second_factor_lost: factorLost,
    cookies_refused: cookiesRefused,
    invalid_factor: passkey.wrong,
    passkey_unused: passkey.unused,
  };
  const text = texts[answer.code ?? ""];
  if (answer.code === "expired_token") {
    moveTo("expired");
  } else if (
    /^(invalid_token|invalid_pending_token|invalid_enrolment_token|invalid_credentials|email_not_verified)$/.test(
      answer.code ?? "",
    )
  ) {
    moveTo("invalid");
  } else if (answer.status === 422) {
    moveTo("invalid");
  } else if (text) {
    showRefusal(form, text);
  } else {
    showFailure(form, answer);
  }
}
