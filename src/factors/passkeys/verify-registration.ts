/** Verifies a new passkey (WebAuthn §7.1). */
import { encodeBase64url } from "../../platform/encoding.ts";
import type { Refusal } from "../../platform/refusal.ts";
import { authenticatorDataFault, readAuthenticatorData } from "./authenticator-data.ts";
import { readCborMap } from "./cbor.ts";
import { clientDataFault } from "./client-data.ts";
import type { RegistrationResponse } from "./credential-json.ts";
import { type Expectation, invalidPasskey } from "./expectation.ts";
import { isUsable, readPublicKey } from "./public-key.ts";
import type { StoredPasskey } from "./verify-assertion.ts";

/** What the user's object stores about a passkey. */
export interface RegisteredPasskey extends Omit<StoredPasskey, "userId"> {
  isBackedUp: boolean;
  aaguid: string;
  transports: string[];
}

/**
 * Returns what to store about a new passkey, or the refusal `invalid_passkey`. Reads the public key from the
 * authenticator data, not from the copy that browsers send beside it.
 *
 * Ignores the attestation statement, so every format is accepted. The statement would prove the model of the
 * authenticator, but no rule of this service depends on the model. A client could leave the statement out anyway,
 * because the service requests none (`attestation: "none"`). WebAuthn §7.1 lets a service accept a passkey without such
 * a proof.
 *
 * The caller must make the two checks of §7.1 that need storage: that the challenge was not used before, and that no
 * other passkey has this id.
 */
export async function verifyRegistration(
  { id, response }: RegistrationResponse,
  expectation: Expectation,
): Promise<RegisteredPasskey | Refusal<"invalid_passkey">> {
  const clientFault = clientDataFault(response.clientDataJSON, "webauthn.create", expectation);
  if (clientFault !== undefined) return invalidPasskey(clientFault);

  const data = readAttestationObject(response.attestationObject);
  if (data === undefined) return invalidPasskey("The attestation object is malformed.");
  const dataFault = authenticatorDataFault(data, expectation);
  if (dataFault !== undefined) return invalidPasskey(dataFault);

  const { attested, counter, isBackedUp, isBackupEligible } = data;
  if (attested === undefined) return invalidPasskey("The authenticator data has no passkey.");
  const credentialId = encodeBase64url(attested.credentialId);
  if (credentialId !== id) return invalidPasskey("The ids of the passkey differ.");
  const key = readPublicKey(attested.coseKey);
  if (key === undefined || !(await isUsable(key))) return invalidPasskey("The public key is not acceptable.");

  const { aaguid } = attested;
  return { credentialId, ...key, counter, isBackedUp, isBackupEligible, aaguid, transports: response.transports };
}

/**
 * Reads the authenticator data of an attestation object (WebAuthn §6.5.4). Returns `undefined` if the object is
 * malformed, or if other bytes follow it.
 */
function readAttestationObject(bytes: Uint8Array) {
  const item = readCborMap(bytes);
  if (item?.end !== bytes.byteLength) return undefined;
  const authData = item.value.get("authData");
  const isComplete = typeof item.value.get("fmt") === "string" && item.value.get("attStmt") instanceof Map;
  return isComplete && authData instanceof Uint8Array ? readAuthenticatorData(authData) : undefined;
}
