/** The list of recent activity in the account. */
import { deviceOf } from "./devices.js";
import { buttonById, byId, element, setText, whileBusy } from "./elements.js";
import { failureText } from "./form.js";
import { ask } from "./session.js";
import { fill, timeOf, words } from "./words.js";

/**
 * @typedef {{ type: string, occurred_at: string, by: string, ip_address: string | null, user_agent: string | null,
 *   details: Record<string, string | number | boolean> }} SecurityEvent
 */

/** How many events a request reads. */
const LIMIT = 5;

const list = byId("events", HTMLUListElement);
const more = buttonById("events-more");
/** The API's cursor for the next older events. Empty if there are none. */
let cursor = "";

/** Shows the newest events. */
export async function showEvents() {
  await read("", (rows) => list.replaceChildren(...rows));
}

/** Starts the button for older events. */
export function watchEvents() {
  more.addEventListener("click", async () => {
    await whileBusy(more, words.events.loading, () => read(`&cursor=${cursor}`, (rows) => list.append(...rows)));
    // If there are no older events, the button is hidden and can't have the focus.
    (more.hidden ? byId("events-title", HTMLElement) : more).focus();
  });
}

/** @param {string} from @param {(rows: HTMLLIElement[]) => void} add */
async function read(from, add) {
  /** @type {import("./answers.js").Answer<{ items: SecurityEvent[], next_cursor: string | null }>} */
  const answer = await ask("GET", `/api/v1/users/me/security-events?limit=${LIMIT}${from}`);
  setText("events-error", answer.ok ? "" : failureText(answer));
  if (answer.ok) {
    cursor = answer.data.next_cursor ?? "";
    more.hidden = !cursor;
    add(answer.data.items.map(row));
  }
}

/** @param {SecurityEvent} event */
function row({ type, occurred_at: time, by, ip_address: address, user_agent: agent, details }) {
  /** @type {Record<string, string>} */
  const types = words.events.types;
  /** @type {Record<string, string>} */
  const kinds = words.security.kinds;
  // The password was right, and a second step followed. So the page must not call this event a refused login.
  const isFirstStep = type === "login_failed" && details.reason === "second_factor_required";
  const text = isFirstStep ? words.events.factorAsked : (types[type] ?? type);
  const what = fill(text, { factor: kinds[String(details.kind)] ?? "" });
  const device = agent ? deviceOf(agent) : "";
  const who = by === "operator" ? words.events.byOperator : "";
  const where = [timeOf(time), device, address, who].filter(Boolean).join(" · ");
  return element("li", "event", element("p", "", what), element("p", "quiet", where));
}
