/** Adding an authenticator app: its QR code, its secret and the code that proves it. And new recovery codes. */
import { download } from "./download.js";
import { buttonById, byId, element, formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { attempt, notify, showFailure, showFieldError } from "./form.js";
import { dayOf, fill, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Starts the form that confirms an app.
 * @param {(code: string) => Promise<Answer>} confirm sends the code. Nothing is shown of a success
 * @param {(form: HTMLFormElement, answer: Answer) => void} onFailure called for what is no wrong code
 */
export function watchApp(confirm, onFailure = showFailure) {
  const form = formById("app");
  const input = inputById("app-code");
  const { copied, code: texts, busyLabel } = words.enrolment.app;
  onClick("secret-copy", () => copy(textOf("secret").replaceAll(" ", ""), "secret", copied));
  onSubmit(form, async () => {
    const code = readAppCode(input, texts);
    if (!code) {
      return;
    }
    const answer = await attempt(form, busyLabel, () => confirm(code));
    if (answer.code === "invalid_factor") {
      input.select();
      showFieldError(input, texts.wrong);
    } else if (!answer.ok) {
      onFailure(form, answer);
    }
  });
}

/**
 * The code of an app as it is sent, or an empty text. Shows what is wrong with it.
 * @param {HTMLInputElement} input
 * @param {{ invalid: string }} texts
 */
export function readAppCode(input, texts) {
  const code = input.value.replaceAll(/\s/g, "");
  const isComplete = /^\d{6}$/.test(code);
  showFieldError(input, isComplete ? "" : texts.invalid);
  return isComplete ? code : "";
}

/** Shows the secret of a new app. @param {{ secret: string, qr_svg: string }} app */
export function showApp({ secret, qr_svg: picture }) {
  // In groups, for people who type it. Apps ignore the spaces.
  setText("secret", secret.replaceAll(/.{4}(?=.)/g, "$& "));
  byId("qr", HTMLElement).replaceChildren(drawingOf(picture));
}

/** Removes the secret from the page, and what was typed. */
export function forgetApp() {
  setText("secret", "");
  notify("secret", "");
  byId("qr", HTMLElement).replaceChildren();
  const input = inputById("app-code");
  input.value = "";
  showFieldError(input, "");
}

/**
 * Starts the buttons that keep recovery codes. `codes-done` is the caller's.
 * @param {() => string} accountName to be shown with the codes that are kept
 */
export function watchRecoveryCodes(accountName) {
  const { copied, downloaded, fileName } = words.enrolment.codes;
  onClick("codes-copy", () => copy(shownCodes().join("\n"), "codes", copied));
  onClick("codes-download", () => {
    download(`${fileName}.txt`, "text/plain", [...headOf(accountName()), "", ...shownCodes(), ""].join("\n"));
    notify("codes", downloaded);
  });
  onClick("codes-print", () => print(headOf(accountName())));
}

/** @param {readonly string[]} codes */
export function showRecoveryCodes(codes) {
  notify("codes", "");
  byId("codes-list", HTMLUListElement).replaceChildren(
    ...codes.map((code) => element("li", "", element("code", "", code))),
  );
}

function shownCodes() {
  return [...byId("codes-list", HTMLUListElement).children].map(({ textContent }) => textContent ?? "");
}

/** What the codes are, whose, and since when. @param {string} account */
function headOf(account) {
  const { title, note } = words.enrolment.codes;
  return [fill(title, { product: textOf("product"), account }), fill(note, { date: dayOf() })];
}

/** Prints the codes alone: the style sheet hides the rest of the page meanwhile. @param {string[]} head */
function print(head) {
  const sheet = element("div", "sheet", ...head.map((line) => element("p", "", line)));
  sheet.append(...shownCodes().map((code) => element("p", "", element("code", "", code))));
  document.body.append(sheet);
  document.body.classList.add("printing");
  window.addEventListener(
    "afterprint",
    () => {
      sheet.remove();
      document.body.classList.remove("printing");
    },
    { once: true },
  );
  window.print();
}

/** @param {string} id @param {() => void} act */
function onClick(id, act) {
  buttonById(id).addEventListener("click", act);
}

/** @param {string} text @param {string} part whose notice says whether it worked @param {string} done */
async function copy(text, part, done) {
  try {
    // There is no clipboard on an http page other than localhost.
    await navigator.clipboard.writeText(text);
    notify(part, done);
  } catch {
    notify(part, words.enrolment.copyFailed);
  }
}

/**
 * The picture as elements. The pages' policy lets no text become markup (Trusted Types), so the parts are read from the
 * text: a size, and one path for all the squares.
 * @param {string} picture
 */
function drawingOf(picture) {
  const [, viewBox = ""] = /viewBox="([\d ]+)"/.exec(picture) ?? [];
  const [, squares = ""] = /<path[^>]* d="([^"]+)"/.exec(picture) ?? [];
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("shape-rendering", "crispEdges");
  path.setAttribute("d", squares);
  svg.append(path);
  return svg;
}
