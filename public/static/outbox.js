/** The outbox of development: shows the emails, and asks for new ones while the page is visible. */
import { buttonById, byId, element, inputById, setText } from "./elements.js";

const PATH = "/dev/outbox";
/** The pause between two requests, and the longest pause after failures, in milliseconds. */
const PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;

/** @typedef {{ id: string, to: string, subject: string, text: string, html: string, sent_at: string }} Email */

const outbox = byId("outbox", HTMLElement);
const list = byId("emails", HTMLUListElement);
const heading = byId("title", HTMLHeadingElement);
const title = byId("email-title", HTMLHeadingElement);
const frame = byId("email-html", HTMLIFrameElement);
const search = inputById("search");
const clearButton = buttonById("clear");
/** In the one-column layout either the list or an email is shown. */
const isNarrow = window.matchMedia("(max-width: 56rem)");

/** @type {Email[]} */
let emails = [];
let version = "";
/** The id of the email in the frame. Empty if there is none. */
let shownId = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let pause = PAUSE;

/** A Trusted Types policy that allows all HTML. The frame's `sandbox` and the CSP that it inherits forbid scripts. */
const unchanged = { createHTML: (/** @type {string} */ html) => html };
const frameContent = window.trustedTypes?.createPolicy("outbox", unchanged) ?? unchanged;

/** The email whose id is in the URL's fragment. If there is none, a wide screen shows the newest email. */
function chosenEmail() {
  const id = location.hash.slice(1);
  return emails.find((email) => email.id === id) ?? (isNarrow.matches ? undefined : emails[0]);
}

function show() {
  const chosen = chosenEmail();
  const wanted = search.value.trim().toLowerCase();
  const found = emails.filter(({ to, subject, text }) => `${to}\n${subject}\n${text}`.toLowerCase().includes(wanted));
  const focused = document.activeElement?.getAttribute("href");
  list.replaceChildren(...found.map((email) => row(email, email.id === chosen?.id)));
  for (const link of list.querySelectorAll("a")) if (link.getAttribute("href") === focused) link.focus();
  setText("count", wanted === "" ? amount(emails.length) : `${found.length} of ${amount(emails.length)}`);
  byId("empty", HTMLElement).hidden = emails.length > 0;
  clearButton.hidden = emails.length === 0;
  showEmail(chosen);
}

/** @param {number} count */
function amount(count) {
  return count === 1 ? "1 email" : `${count} emails`;
}

/** @param {Email} email @param {boolean} isChosen */
function row({ id, to, subject, sent_at }, isChosen) {
  const time = new Date(sent_at).toLocaleTimeString();
  const link = element(
    "a",
    "email-link",
    element("span", "email-subject", subject),
    element("span", "quiet", to),
    element("span", "quiet", time),
  );
  link.href = `#${id}`;
  if (isChosen) link.setAttribute("aria-current", "true");
  return element("li", "", link);
}

/** @param {Email | undefined} email */
function showEmail(email) {
  byId("chosen", HTMLElement).hidden = email === undefined;
  outbox.toggleAttribute("data-open", email !== undefined);
  // Loading the same email again would make the frame flicker.
  if (shownId === (email?.id ?? "")) return;
  shownId = email?.id ?? "";
  title.textContent = email?.subject ?? "No email chosen";
  if (email === undefined) return;
  setText("email-facts", `To ${email.to}, ${new Date(email.sent_at).toLocaleString()}`);
  byId("links", HTMLElement).replaceChildren(...linksIn(email.text).map(linkButton));
  byId("email-text", HTMLTextAreaElement).value = email.text;
  // Links open in new tabs: the service's pages refuse to be shown in a frame.
  const html = email.html.replace(/<style\b/gi, `<style nonce="${outbox.dataset.styleNonce}"`);
  frame.srcdoc = frameContent.createHTML(`<base target="_blank">${html}`);
}

/** The links of the plain text, each once. @param {string} text */
function linksIn(text) {
  return [...new Set(text.match(/https?:\/\/[^\s<>"]+/g) ?? [])].map((link) => link.replace(/[.,;:!?)]+$/, ""));
}

/** @param {string} href @param {number} at */
function linkButton(href, at) {
  const { host, pathname } = new URL(href);
  const link = element("a", at === 0 ? "button" : "button button-quiet");
  link.textContent = `Open ${host === location.host ? "" : host}${pathname}`;
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener";
  return link;
}

/** Reads the emails again if they have changed, and repeats this after a pause. */
async function refresh() {
  clearTimeout(timer);
  if (document.visibilityState === "hidden") return;
  /** @type {Record<string, string>} */
  const known = version === "" ? {} : { "If-None-Match": version };
  try {
    const response = await fetch(PATH, { headers: { Accept: "application/json", ...known } });
    if (response.status === 200) {
      version = response.headers.get("ETag") ?? "";
      /** @type {{ items: Email[] }} */
      const { items } = await response.json();
      emails = items;
      show();
    } else if (response.status !== 304) throw new Error(`The service answered ${response.status}.`);
    setText("failure", "");
    pause = PAUSE;
  } catch {
    setText("failure", "The service doesn't answer. Is it running? Trying again …");
    // The browser's console shows each failed request as an error, so the pauses grow.
    pause = Math.min(LONGEST_PAUSE, 2 * pause);
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, pause);
}

async function clearAll() {
  const response = await fetch(PATH, { method: "DELETE" }).catch(() => undefined);
  if (response?.ok) {
    emails = [];
    history.replaceState(null, "", PATH);
    show();
    heading.focus();
  }
  await refresh();
}

search.addEventListener("input", show);
clearButton.addEventListener("click", clearAll);
isNarrow.addEventListener("change", show);
window.addEventListener("hashchange", () => {
  show();
  // The email has replaced the list, or the reverse, so the element with the focus is hidden.
  if (isNarrow.matches) (shownId === "" ? heading : title).focus();
});
document.addEventListener("visibilitychange", refresh);
refresh();
