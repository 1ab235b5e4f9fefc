/**
 * Lets the browser suggest passkeys in the name field (conditional mediation, WebAuthn §5.1.4). Only one request for a
 * passkey can wait at a time, so every other way to log in stops this request first.
 */
import { post } from "./answers.js";
import { credentialOf } from "./webauthn-json.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").PasskeyCredential} PasskeyCredential */

/** The page asks for a new challenge this long before the current one expires, so that the user has time to confirm. */
const MARGIN_MILLISECONDS = 60_000;

/**
 * Untyped, because the method is missing before Chrome 108, Firefox 119 and Safari 16.
 * @type {any}
 */
const credentials = globalThis.PublicKeyCredential;

/**
 * Suggests passkeys if the browser can.
 * @param {(credential: PasskeyCredential) => void} onChoice called when the user has chosen a passkey
 * @returns `start`, and `stop`, which the page calls when the user logs in another way
 */
export function passkeyAutofill(onChoice) {
  /** @type {AbortController | undefined} */
  let waiting;

  async function start() {
    if (waiting) {
      return;
    }
    const controller = new AbortController();
    waiting = controller;
    if (!(await credentials?.isConditionalMediationAvailable?.())) {
      return;
    }
    while (waiting === controller) {
      const options = await post("/api/v1/auth/passkey/options", {});
      // The user can still log in with the passkey button or the password.
      if (!options.ok || waiting !== controller) {
        return;
      }
      const credential = await suggest(options.data, controller.signal);
      if (credential === "expired") {
        continue;
      }
      if (credential && waiting === controller) {
        stop();
        onChoice(credential);
      }
      return;
    }
  }

  function stop() {
    waiting?.abort();
    waiting = undefined;
  }

  return { start, stop };
}

/**
 * Waits for the user to choose a passkey.
 * @param {any} options
 * @param {AbortSignal} stopped
 * @returns {Promise<PasskeyCredential | "expired" | undefined>}
 */
async function suggest(options, stopped) {
  const renewal = new AbortController();
  const end = () => renewal.abort();
  const timer = setTimeout(end, options.timeout - MARGIN_MILLISECONDS);
  stopped.addEventListener("abort", end);
  try {
    return await credentialOf(options, { mediation: "conditional", signal: renewal.signal });
  } catch {
    return renewal.signal.aborted && !stopped.aborted ? "expired" : undefined;
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", end);
  }
}
