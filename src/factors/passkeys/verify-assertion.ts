/** Verifies that a user has a registered passkey (WebAuthn §7.2). */
import { sha256 } from "../../platform/crypto.ts";
import { concatBytes, encodeBase64url } from "../../platform/encoding.ts";
import { authenticatorDataFault, readAuthenticatorData } from "./authenticator-data.ts";
import { clientDataFault } from "./client-data.ts";
import type { AuthenticationResponse } from "./credential-json.ts";
import { type Expectation, invalidPasskey } from "./expectation.ts";
import { isSignedBy, type PasskeyPublicKey } from "./public-key.ts";
import { readUserHandle } from "./user-handle.ts";

/** A stored passkey, with the user to whom it belongs. */
export interface StoredPasskey extends PasskeyPublicKey {
  userId: string;
  /** In base64url, for a passkey that another service created. If absent, the handle is the user's id. */
  userHandle?: string | undefined;
  credentialId: string;
  counter: number;
  /** Unknown for some imported passkeys until their first use. */
  isBackupEligible?: boolean | undefined;
}

/**
 * Returns what to store after the use of a passkey, or the refusal `invalid_passkey`. One check of §7.2 needs storage,
 * so the caller must make it: that the challenge was not used before.
 *
 * If the counter doesn't rise, an attacker may have a copy of the passkey, or the authenticator is faulty. The service
 * accepts the passkey and reports the counter. A refusal would let the attacker lock the owner out (§6.1.1).
 */
export async function verifyAssertion(
  { id, response }: AuthenticationResponse,
  stored: StoredPasskey,
  expectation: Expectation,
) {
  if (id !== stored.credentialId) return invalidPasskey("The response is of another passkey.");
  const { userHandle, authenticatorData, clientDataJSON, signature } = response;
  const isOwner = !userHandle || isHandleOf(stored, userHandle);
  if (!isOwner) return invalidPasskey("The user handle is another user's.");
  const clientFault = clientDataFault(clientDataJSON, "webauthn.get", expectation);
  if (clientFault !== undefined) return invalidPasskey(clientFault);

  const data = readAuthenticatorData(authenticatorData);
  if (data === undefined) return invalidPasskey("The authenticator data is malformed.");
  const dataFault = authenticatorDataFault(data, expectation);
  if (dataFault !== undefined) return invalidPasskey(dataFault);
  const { counter, isBackedUp, isBackupEligible } = data;
  if (isBackupEligible !== (stored.isBackupEligible ?? isBackupEligible))
    return invalidPasskey("The backup eligibility has changed.");

  const signed = concatBytes(authenticatorData, sha256(clientDataJSON));
  if (!(await isSignedBy(stored, signature, signed))) return invalidPasskey("The signature is wrong.");
  // Many authenticators have no counter, and always send 0.
  const hasCounterFallenBack = (counter > 0 || stored.counter > 0) && counter <= stored.counter;
  return { counter, isBackedUp, isBackupEligible, hasCounterFallenBack };
}

function isHandleOf({ userHandle, userId }: StoredPasskey, sent: Uint8Array): boolean {
  return userHandle === undefined ? readUserHandle(sent) === userId : encodeBase64url(sent) === userHandle;
}
