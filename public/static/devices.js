/** The list of sessions, and logging out other devices. */
import { watchDialog } from "./dialog.js";
import { buttonById, byId, element, formById, onSubmit, quietButton, setText, whileBusy } from "./elements.js";
import { attempt, failureText, notify, showFailure } from "./form.js";
import { ask } from "./session.js";
import { fill, timeOf, words } from "./words.js";

const SESSIONS = "/api/v1/users/me/sessions";

const list = byId("devices", HTMLUListElement);
const title = byId("devices-title", HTMLHeadingElement);

/** Shows the current sessions. If that fails, the list stays as it is. */
export async function showDevices() {
  /** @type {import("./answers.js").Answer<{ items: Session[] }>} */
  const answer = await ask("GET", SESSIONS);
  setText("devices-error", answer.ok ? "" : failureText(answer));
  if (answer.ok) {
    const { items } = answer.data;
    const sorted = [...items].sort((one, other) => Number(other.current) - Number(one.current));
    list.replaceChildren(...sorted.map(row));
    buttonById("others-open").hidden = items.length < 2;
    byId("offer", HTMLElement).hidden ||= items.length < 2;
  }
}

/**
 * Offers to log out the other devices, if there are any. Someone else may have logged in before the user secured the
 * account.
 */
export async function offerToEndOthers() {
  byId("offer", HTMLElement).hidden = false;
  await showDevices();
}

/** Starts the dialog that logs out all other devices. */
export function watchDevices() {
  const { ending, others } = words.account.devices;
  const dialog = watchDialog("others");
  buttonById("offer-button").addEventListener("click", dialog.open);
  const form = formById("others");
  onSubmit(form, async () => {
    const answer = await attempt(form, ending, () => ask("DELETE", SESSIONS));
    if (answer.ok) {
      dialog.close();
      await showListAgain(others.done);
    } else {
      showFailure(form, answer);
    }
  });
}

/**
 * @typedef {{ id: string, device_name: string | null, user_agent: string | null, ip_address: string | null,
 *   last_used_at: string, current: boolean }} Session
 */

/** @param {Session} session */
function row(session) {
  const { current, end, endNamed, lastUsed } = words.account.devices;
  const device = session.device_name ?? deviceOf(session.user_agent ?? "");
  const time = timeOf(session.last_used_at);
  const name = element("p", "device-name", element("strong", "", device));
  const details = [fill(lastUsed, { time }), session.ip_address].filter(Boolean).join(" · ");
  const item = element("li", "device", element("div", "", name, element("p", "quiet", details)));
  if (session.current) {
    name.append(" ", element("span", "badge", current));
  } else {
    const button = quietButton(end, fill(endNamed, { device }));
    button.addEventListener("click", () => endSession(session.id, device, button));
    item.append(button);
  }
  return item;
}

/** @param {string} id @param {string} device @param {HTMLButtonElement} button */
async function endSession(id, device, button) {
  const { ended, ending } = words.account.devices;
  notify("devices", "");
  const answer = await whileBusy(button, ending, () => ask("DELETE", `${SESSIONS}/${id}`));
  // A session that no longer exists has already ended.
  if (answer.ok || answer.status === 404) {
    await showListAgain(fill(ended, { device }));
  } else {
    setText("devices-error", failureText(answer));
    button.focus();
  }
}

/** Shows the list again. The row with the focused button is gone, so focuses the heading. @param {string} news */
async function showListAgain(news) {
  await showDevices();
  title.focus();
  notify("devices", news);
}

/** The names of the browser and the system. @param {string} userAgent */
export function deviceOf(userAgent) {
  const { named, unknown } = words.account.devices;
  const { browsers, systems } = words.userAgents;
  const [browser] = browsers.find(([, pattern]) => new RegExp(pattern).test(userAgent)) ?? [];
  const [system] = systems.find(([, pattern]) => new RegExp(pattern).test(userAgent)) ?? [];
  return browser && system ? fill(named, { browser, system }) : (browser ?? system ?? unknown);
}
