/** The list of the devices that the user trusts, with buttons to end the trust. */
import { deviceOf } from "./devices.js";
import { byId, element, quietButton, setText, whileBusy } from "./elements.js";
import { failureText, notify } from "./form.js";
import { ask } from "./session.js";
import { dayOf, fill, timeOf, words } from "./words.js";

/**
 * @typedef {{ id: string, device_name: string | null, user_agent: string | null, last_used_at: string,
 *   expires_at: string, current: boolean }} TrustedDevice
 */

const TRUSTED = "/api/v1/users/me/trusted-devices";

const texts = words.security.trusted;
const list = byId("trusted-devices", HTMLUListElement);

/** Shows the devices, if there are any. If that fails, the list stays as it is. */
export async function showTrustedDevices() {
  /** @type {import("./answers.js").Answer<{ items: TrustedDevice[] }>} */
  const answer = await ask("GET", TRUSTED);
  setText("trusted-error", answer.ok ? "" : failureText(answer));
  if (answer.ok) {
    const { items } = answer.data;
    list.replaceChildren(...items.map(row));
    byId("trusted", HTMLElement).hidden = items.length === 0;
  }
}

/** @param {TrustedDevice} trusted */
function row(trusted) {
  const device = trusted.device_name ?? deviceOf(trusted.user_agent ?? "");
  const times = { time: timeOf(trusted.last_used_at), date: dayOf(trusted.expires_at) };
  const name = element("p", "device-name", element("strong", "", device));
  if (trusted.current) {
    name.append(" ", element("span", "badge", words.account.devices.current));
  }
  const button = quietButton(texts.end, fill(texts.endNamed, { device }));
  button.addEventListener("click", () => endTrust(trusted.id, device, button));
  const details = element("p", "quiet", fill(texts.details, times));
  return element("li", "device", element("div", "", name, details), button);
}

/** @param {string} id @param {string} device @param {HTMLButtonElement} button */
async function endTrust(id, device, button) {
  notify("security", "");
  const answer = await whileBusy(button, texts.ending, () => ask("DELETE", `${TRUSTED}/${id}`));
  // If the device is unknown to the service, the trust has ended already.
  if (answer.ok || answer.status === 404) {
    await showTrustedDevices();
    // The row with the focused button is gone.
    byId("security-title", HTMLHeadingElement).focus();
    notify("security", fill(texts.ended, { device }));
  } else {
    setText("trusted-error", failureText(answer));
    button.focus();
  }
}
