/** Password fields: a button shows the password, and a new password is checked while the user types. */
import { byField, faultWords, post } from "./answers.js";
import { buttonById, byId, inputById } from "./elements.js";
import { words } from "./words.js";

/** How long the user must have stopped typing before the password is checked. */
const PAUSE_MILLISECONDS = 500;

for (const button of document.querySelectorAll(".reveal")) {
  const input = inputById(button.getAttribute("aria-controls") ?? "");
  button.addEventListener("click", () => reveal(input, input.type === "password"));
}

/** Empties a password field and hides what is typed next. @param {HTMLInputElement} input */
export function forget(input) {
  input.value = "";
  reveal(input, false);
  input.dispatchEvent(new Event("input"));
}

/**
 * Shows in the field's hint whether the service accepts a new password. A password that is still too short gets no
 * error: the hint already names the length.
 * @param {HTMLInputElement} input
 * @param {() => { email?: string, username?: string }} owner
 */
export function checkWhileTyped(input, owner = () => ({})) {
  const hint = byId(`${input.id}-hint`, HTMLElement);
  const usualHint = hint.textContent;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let questions = 0;
  hint.setAttribute("aria-live", "polite");

  function startOver() {
    clearTimeout(timer);
    questions += 1;
    say(usualHint);
  }

  // The form now shows an error at the field, so the hint no longer shows a verdict.
  input.addEventListener("invalid", startOver);
  input.addEventListener("input", () => {
    startOver();
    if (input.value) {
      timer = setTimeout(ask, PAUSE_MILLISECONDS, questions);
    }
  });

  /** @param {number} question */
  async function ask(question) {
    const answer = await post("/api/v1/auth/password-strength", { password: input.value, ...owner() });
    // The answer is out of date if the user has typed more. A failed request says nothing about the password.
    if (question !== questions || !answer.ok || !input.value) {
      return;
    }
    const fault = byField(answer.data.errors).password;
    if (answer.data.acceptable) {
      say(words.forms.passwordIsGood, "good");
    } else if (fault && fault.code !== "too_short") {
      say(faultWords(fault), "poor");
    }
  }

  /** @param {string} text @param {string} verdict */
  function say(text, verdict = "") {
    hint.dataset.verdict = verdict;
    if (hint.textContent !== text) {
      hint.textContent = text;
    }
  }
}

/** @param {HTMLInputElement} input @param {boolean} readable whether the password can be read on the screen */
function reveal(input, readable) {
  const { show, showPassword, hide, hidePassword } = words.fields;
  const button = buttonById(`${input.id}-reveal`);
  input.type = readable ? "text" : "password";
  button.textContent = readable ? hide : show;
  button.setAttribute("aria-label", readable ? hidePassword : showPassword);
}
