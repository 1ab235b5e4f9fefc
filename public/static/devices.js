/** Where somebody is logged in, and logging out there. */
import { watchDialog } from "./dialog.js";
import { attempt, byId, failureText, notify, showFailure, whileBusy } from "./form.js";
import { ask } from "./session.js";
import { fill, language, words } from "./words.js";

const SESSIONS = "/api/v1/users/me/sessions";

/** By what they say of themselves; the first that fits. Others name these too, so the order matters. */
const BROWSERS = [
  ["Edge", /\bEdgA?\//],
  ["Opera", /\bOPR\//],
  ["Firefox", /\b(?:Firefox|FxiOS)\//],
  ["Chrome", /\b(?:Headless)?(?:Chrome|CriOS)\//],
  ["Safari", /\bSafari\//],
  ["curl", /^curl\//],
];
const SYSTEMS = [
  ["Android", /Android/],
  ["iOS", /iPhone|iPad/],
  ["Windows", /Windows/],
  ["macOS", /Macintosh/],
  ["Linux", /Linux|X11/],
];

const list = byId("devices");
const section = byId("devices-title");
const form = { id: "devices" };

/** Shows the sessions as they are now. Where they do not come, what is shown stays. */
export async function showDevices() {
  const answer = await ask("GET", SESSIONS);
  byId("devices-error").textContent = answer.ok ? "" : failureText(answer);
  if (answer.ok) {
    const { items } = answer.data;
    list.replaceChildren(...items.toSorted((one, other) => other.current - one.current).map(row));
    byId("others-open").hidden = items.length < 2;
  }
}

/** Starts logging out everywhere else. */
export function watchDevices() {
  const { others } = words.account.devices;
  const dialog = watchDialog("others");
  byId("others").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await attempt(byId("others"), words.account.devices.ending, () => ask("DELETE", SESSIONS));
    if (!answer.ok) {
      showFailure(byId("others"), answer);
      return;
    }
    dialog.close();
    await showDevices();
    section.focus();
    notify(form, others.done);
  });
}

/** @param {{ id: string, device_name?: string, user_agent?: string, ip_address?: string, last_used_at: string, current: boolean }} session */
function row(session) {
  const { end, endNamed, lastUsed } = words.account.devices;
  const item = byId("device").content.cloneNode(true).firstElementChild;
  const name = session.device_name ?? deviceOf(session.user_agent ?? "");
  const time = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(session.last_used_at),
  );
  item.querySelector("strong").textContent = name;
  item.querySelector(".quiet").textContent = [fill(lastUsed, { time }), session.ip_address].filter(Boolean).join(" · ");
  const button = item.querySelector("button");
  if (session.current) {
    button.remove();
  } else {
    item.querySelector(".badge").remove();
    button.textContent = end;
    button.setAttribute("aria-label", fill(endNamed, { device: name }));
    button.addEventListener("click", () => endSession(session.id, name, button));
  }
  return item;
}

/** @param {string} id @param {string} device @param {HTMLButtonElement} button */
async function endSession(id, device, button) {
  const { ended, ending } = words.account.devices;
  notify(form, "");
  const answer = await whileBusy(button, ending, () => ask("DELETE", `${SESSIONS}/${id}`));
  // One that is not there any more has ended.
  if (answer.ok || answer.status === 404) {
    await showDevices();
    section.focus();
    notify(form, fill(ended, { device }));
  } else {
    byId("devices-error").textContent = failureText(answer);
    button.focus();
  }
}

/** @param {string} userAgent */
function deviceOf(userAgent) {
  const { named, unknown } = words.account.devices;
  const [browser] = BROWSERS.find(([, pattern]) => pattern.test(userAgent)) ?? [];
  const [system] = SYSTEMS.find(([, pattern]) => pattern.test(userAgent)) ?? [];
  return browser && system ? fill(named, { browser, system }) : (browser ?? system ?? unknown);
}
