/**
 * Tells the user's devices about removed passkeys and changed names (WebAuthn §5.1.10), so that the devices don't
 * suggest removed passkeys or show former names. Nothing else depends on these signals, so failures are ignored.
 */
import { post } from "./answers.js";
import { ask } from "./session.js";
import { encode } from "./webauthn-json.js";

/**
 * Untyped, because the methods are missing before Chrome 132 and Safari 26.
 * @type {any}
 */
const browser = globalThis.PublicKeyCredential;

/** Tells the devices which passkeys are left after a removal. */
export async function signalPasskeysLeft() {
  if (!browser?.signalAllAcceptedCredentials) {
    return;
  }
  // The options for a new passkey list the existing ones. The user has just proved who they are, so no dialog opens.
  const options = await ask("POST", "/api/v1/users/me/factors/passkeys/options");
  if (options.ok) {
    const { rp, user, excludeCredentials } = options.data;
    const ids = excludeCredentials.map((/** @type {{ id: string }} */ { id }) => id);
    await quietly(
      browser.signalAllAcceptedCredentials({ rpId: rp.id, userId: user.id, allAcceptedCredentialIds: ids }),
    );
  }
}

/** Tells the devices the user's names, which they show beside a passkey. @param {import("./client.js").User} user */
export async function signalNames({ id, email, username }) {
  if (!browser?.signalCurrentUserDetails) {
    return;
  }
  const options = await post("/api/v1/auth/passkey/options", {});
  if (options.ok) {
    const { rpId } = options.data;
    // The user handle of a passkey is the 16 bytes of the user's id.
    const bytes = id.replaceAll("-", "").match(/../g) ?? [];
    const userId = encode(new Uint8Array(bytes.map((byte) => Number.parseInt(byte, 16))));
    await quietly(browser.signalCurrentUserDetails({ rpId, userId, name: email, displayName: username }));
  }
}

/** Tells the device that the service doesn't have the passkey that was used. @param {string} credentialId */
export async function signalUnknownPasskey(credentialId) {
  if (!browser?.signalUnknownCredential) {
    return;
  }
  const options = await post("/api/v1/auth/passkey/options", {});
  if (options.ok) {
    await quietly(browser.signalUnknownCredential({ rpId: options.data.rpId, credentialId }));
  }
}

/** @param {Promise<void>} signal */
function quietly(signal) {
  return signal.catch(() => {});
}
