/**
 * Adds an authenticator app: shows its QR code and its secret, and asks for its first code. Shows new recovery codes.
 */
import { download } from "./download.js";
import { buttonById, byId, element, formById, inputById, onSubmit, setText, textOf } from "./elements.js";
import { attempt, notify, showFailure, showFieldError } from "./form.js";
import { dayOf, fill, words } from "./words.js";

/** @typedef {import("./answers.js").Answer} Answer */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Starts the form that confirms an app.
 * @param {(code: string) => Promise<Answer>} confirm sends the code, and after a success shows what comes next
 * @param {(form: HTMLFormElement, answer: Answer) => void} onFailure called for every failure except a wrong code
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
 * Returns the typed code of an app, without spaces. If it is not complete, shows an error and returns an empty string.
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
  // In groups of four, for users who type the secret into an app. Apps ignore the spaces.
  setText("secret", secret.replaceAll(/.{4}(?=.)/g, "$& "));
  byId("qr", HTMLElement).replaceChildren(drawingOf(picture));
}

/** Removes the secret and the typed code from the page. */
export function forgetApp() {
  setText("secret", "");
  notify("secret", "");
  byId("qr", HTMLElement).replaceChildren();
  const input = inputById("app-code");
  input.value = "";
  showFieldError(input, "");
}

/**
 * Starts the buttons that copy, download and print recovery codes. The caller handles the button `codes-done`.
 * @param {() => string} accountName is shown above the downloaded or printed codes
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

/** The lines above the codes: the account and the date. @param {string} account */
function headOf(account) {
  const { title, note } = words.enrolment.codes;
  return [fill(title, { product: textOf("product"), account }), fill(note, { date: dayOf() })];
}

/** Prints only the codes: meanwhile, the style sheet hides the rest of the page. @param {string[]} head */
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

/** @param {string} text @param {string} part whose notice shows the outcome @param {string} done */
async function copy(text, part, done) {
  try {
    // Throws on an http page, except on localhost.
    await navigator.clipboard.writeText(text);
    notify(part, done);
  } catch {
    notify(part, words.enrolment.copyFailed);
  }
}

/**
 * The QR code as SVG elements. The pages' policy forbids turning text into markup (Trusted Types), so this reads the
 * size and the path of the squares from the text.
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
