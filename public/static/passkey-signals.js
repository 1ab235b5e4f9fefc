/**
 * Tells the user's devices what has changed here (WebAuthn §5.1.10): without that, they go on suggesting a passkey that
 * was removed, and show former names. Nothing depends on it, so failures are ignored.
 */
import { post } from "./answers.js";
import { encode } from "./passkey.js";
import { ask } from "./session.js";

/**
 * Without types, because the methods are missing before Chrome 132 and Safari 26.
 * @type {any}
 */
const browser = globalThis.PublicKeyCredential;

/** After a removal: which passkeys are left. */
export async function signalPasskeysLeft() {
  if (!browser?.signalAllAcceptedCredentials) {
    return;
  }
  // The options of a new passkey name the others. The user has just proved who they are, so nothing is asked.
  const options = await ask("POST", "/api/v1/users/me/factors/passkeys/options");
  if (options.ok) {
    const { rp, user, excludeCredentials } = options.data;
    const ids = excludeCredentials.map((/** @type {{ id: string }} */ { id }) => id);
    await quietly(
      browser.signalAllAcceptedCredentials({ rpId: rp.id, userId: user.id, allAcceptedCredentialIds: ids }),
    );
  }
}

/** The user's names, which devices show beside a passkey. @param {import("./client.js").User} user */
export async function signalNames({ id, email, username }) {
  if (!browser?.signalCurrentUserDetails) {
    return;
  }
  const options = await post("/api/v1/auth/passkey/options", {});
  if (options.ok) {
    const { rpId } = options.data;
    // Passkeys hold the bytes of the user's id.
    const bytes = id.replaceAll("-", "").match(/../g) ?? [];
    const userId = encode(new Uint8Array(bytes.map((byte) => Number.parseInt(byte, 16))));
    await quietly(browser.signalCurrentUserDetails({ rpId, userId, name: email, displayName: username }));
  }
}

/** @param {Promise<void>} signal */
function quietly(signal) {
  return signal.catch(() => {});
}
