/** Fields for passwords: made readable by a button, and, where one is chosen, judged while somebody types. */
import { byField, faultWords, post } from "./answers.js";
import { byId } from "./form.js";
import { words } from "./words.js";

/** Between the last key and the question: longer than between two keys. */
const PAUSE_MILLISECONDS = 500;

for (const button of document.querySelectorAll(".reveal")) {
  const input = byId(button.getAttribute("aria-controls"));
  button.addEventListener("click", () => reveal(input, input.type === "password"));
}

/** @param {HTMLInputElement} input empties it, and hides what is typed there next */
export function forget(input) {
  input.value = "";
  reveal(input, false);
  input.dispatchEvent(new Event("input"));
}

/**
 * Says in the field's hint what the service thinks of the password that is being typed. A length that is not reached
 * yet is no fault: the hint has said it before.
 * @param {HTMLInputElement} input
 * @param {() => { email?: string, username?: string }} owner
 */
export function judgeWhileTyped(input, owner = () => ({})) {
  const hint = byId(`${input.id}-hint`);
  const usualHint = hint.textContent;
  let timer;
  let questions = 0;
  hint.setAttribute("aria-live", "polite");

  input.addEventListener("input", () => {
    clearTimeout(timer);
    questions += 1;
    say(usualHint);
    if (input.value) {
      timer = setTimeout(ask, PAUSE_MILLISECONDS, questions);
    }
  });

  /** @param {number} question */
  async function ask(question) {
    const answer = await post("/api/v1/auth/password-strength", { password: input.value, ...owner() });
    // Somebody has typed on, or nobody can tell.
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
  input.type = readable ? "text" : "password";
  document.querySelector(`.reveal[aria-controls="${input.id}"]`).setAttribute("aria-pressed", String(readable));
}
