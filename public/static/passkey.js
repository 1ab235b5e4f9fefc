/** Passkeys, by the browser (WebAuthn). */
import { failureOf, post } from "./answers.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").PasskeyCredential} PasskeyCredential */

/** Old browsers have none, and no browser has them on an http page other than localhost. */
export const hasPasskeys = typeof PublicKeyCredential === "function";

/**
 * Asks the user for a passkey, and sends it. If the user declines, the answer has the code `passkey_unused`.
 * @param {(credential: PasskeyCredential) => Promise<Answer>} send
 * @param {{ pending_token?: string }} login of which this is the second step
 * @returns {Promise<Answer>}
 */
export async function usePasskey(send, login = {}) {
  const options = await post("/api/v1/auth/passkey/options", login);
  if (!options.ok) {
    return options;
  }
  try {
    const credential = await navigator.credentials.get({ publicKey: fromJson(options.data) });
    return await send(toJson(credential));
  } catch {
    return failureOf({ code: "passkey_unused" });
  }
}

// Like `PublicKeyCredential.parseRequestOptionsFromJSON()` and `toJSON()`, which are missing before Chrome 129 and
// Safari 18.4.

/** @param {any} options */
function fromJson({ challenge, allowCredentials, ...options }) {
  const withBytes = (/** @type {any} */ allowed) => ({ ...allowed, id: decode(allowed.id) });
  return { ...options, challenge: decode(challenge), allowCredentials: allowCredentials.map(withBytes) };
}

/** @param {any} credential @returns {PasskeyCredential} */
function toJson({ id, response }) {
  const { clientDataJSON, authenticatorData, signature, userHandle } = response;
  return {
    id,
    type: "public-key",
    response: {
      clientDataJSON: encode(clientDataJSON),
      authenticatorData: encode(authenticatorData),
      signature: encode(signature),
      userHandle: userHandle && encode(userHandle),
    },
  };
}

/** @param {string} text in base64url */
function decode(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new Uint8Array([...bytes].map((byte) => byte.charCodeAt(0)));
}

/** @param {ArrayBuffer} bytes @returns base64url without padding */
function encode(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
