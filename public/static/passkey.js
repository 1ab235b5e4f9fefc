/** Uses and creates passkeys with the browser's WebAuthn API. */
import { failureOf, post } from "./answers.js";
import { credentialOf, decode, encode, withBytes } from "./webauthn-json.js";

/** @typedef {import("./answers.js").Answer} Answer */
/** @typedef {import("./client.js").PasskeyCredential} PasskeyCredential */

/** Old browsers have no passkeys. No browser has them on an http page, except on localhost. */
export const hasPasskeys = typeof PublicKeyCredential === "function";

/**
 * Asks the user for a passkey, and sends it. If the user declines, the answer has the code `passkey_unused`.
 * @param {(credential: PasskeyCredential) => Promise<Answer>} send
 * @param {{ pending_token?: string }} login whose second step is this passkey; omitted if the passkey alone logs in
 * @returns {Promise<Answer>}
 */
export async function usePasskey(send, login = {}) {
  const options = await post("/api/v1/auth/passkey/options", login);
  if (!options.ok) {
    return options;
  }
  try {
    return await send(await credentialOf(options.data));
  } catch {
    return failureOf({ code: "passkey_unused" });
  }
}

/** The errors of a browser that creates no passkey (WebAuthn §5.1.3), and the codes for them. */
/** @type {Record<string, string>} */
const CREATION_FAILURES = {
  // The authenticator already has a passkey of this user.
  InvalidStateError: "passkey_exists",
  // The user declined, or took too long.
  NotAllowedError: "passkey_unused",
  AbortError: "passkey_unused",
};

/**
 * Asks the browser to create a passkey, and sends it. If the browser creates none, the answer has the code
 * `passkey_exists`, `passkey_unused` or `passkey_failed`.
 * @param {() => Promise<Answer>} readOptions
 * @param {(credential: NewPasskey) => Promise<Answer>} send
 * @returns {Promise<Answer>}
 */
export async function createPasskey(readOptions, send) {
  const options = await readOptions();
  if (!options.ok) {
    return options;
  }
  const { challenge, user, excludeCredentials, ...more } = options.data;
  const publicKey = {
    ...more,
    challenge: decode(challenge),
    user: { ...user, id: decode(user.id) },
    excludeCredentials: excludeCredentials.map(withBytes),
  };
  try {
    const credential = await navigator.credentials.create({ publicKey });
    return await send(newPasskeyOf(credential));
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    return failureOf({ code: CREATION_FAILURES[name] ?? "passkey_failed" });
  }
}

/** @typedef {ReturnType<typeof newPasskeyOf>} NewPasskey */

/** @param {any} credential */
function newPasskeyOf({ id, response }) {
  const { clientDataJSON, attestationObject } = response;
  return {
    id,
    type: /** @type {const} */ ("public-key"),
    response: {
      clientDataJSON: encode(clientDataJSON),
      attestationObject: encode(attestationObject),
      // Missing before Safari 16.
      transports: response.getTransports?.() ?? [],
    },
  };
}
