/**
 * Passkeys as JSON, like `PublicKeyCredential.parseRequestOptionsFromJSON()` and `toJSON()`, which are missing before
 * Chrome 129 and Safari 18.4.
 */

/** @typedef {import("./client.js").PasskeyCredential} PasskeyCredential */

/**
 * Asks the browser for a passkey. Rejects if there is none.
 * @param {any} options as JSON
 * @param {Omit<CredentialRequestOptions, "publicKey">} how
 */
export async function credentialOf(options, how = {}) {
  return toJson(await navigator.credentials.get({ ...how, publicKey: fromJson(options) }));
}

/** @param {any} options */
function fromJson({ challenge, allowCredentials, ...options }) {
  return { ...options, challenge: decode(challenge), allowCredentials: allowCredentials.map(withBytes) };
}

/** @param {any} known a passkey in the options */
export function withBytes(known) {
  return { ...known, id: decode(known.id) };
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
export function decode(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new Uint8Array([...bytes].map((byte) => byte.charCodeAt(0)));
}

/** @param {ArrayBuffer | Uint8Array} bytes @returns base64url without padding */
export function encode(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
