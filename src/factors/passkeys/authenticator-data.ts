/** The data that an authenticator signs (WebAuthn §6.1), and what the service requires of this data. */
import { constantTimeEqual, sha256 } from "../../platform/crypto.ts";
import { formatUuid, utf8 } from "../../platform/encoding.ts";
import { type CborMap, readCborMap } from "./cbor.ts";
import type { Expectation } from "./expectation.ts";

interface AuthenticatorData {
  rpIdHash: Uint8Array;
  isUserPresent: boolean;
  isUserVerified: boolean;
  /**
   * Whether a password manager, for example, can copy the passkey to the user's other devices. This never changes.
   */
  isBackupEligible: boolean;
  isBackedUp: boolean;
  counter: number;
  /** Present only when a passkey is created. */
  attested: AttestedCredential | undefined;
}

/** The new passkey (WebAuthn §6.5.1). */
interface AttestedCredential {
  /** The UUID of the authenticator's model. All zeros if the authenticator does not reveal it. */
  aaguid: string;
  credentialId: Uint8Array;
  coseKey: CborMap;
}

/** The bits of the flags byte. The two other bits are reserved, and are ignored. */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const BACKUP_ELIGIBLE = 0x08;
const BACKUP_STATE = 0x10;
const ATTESTED_CREDENTIAL_DATA = 0x40;
const EXTENSION_DATA = 0x80;

const FLAGS_AT = 32;
const COUNTER_AT = 33;
const HEADER_BYTES = 37;
const ID_LENGTH_AT = HEADER_BYTES + 16;
const ID_AT = ID_LENGTH_AT + 2;

/** WebAuthn §4: at least 16 bytes, so that no two passkeys have the same id by accident, and at most 1023. */
const SHORTEST_ID = 16;
const LONGEST_ID = 1_023;

/** Returns `undefined` unless the bytes have exactly the parts that the flags announce. Ignores what extensions say. */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorData | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(FLAGS_AT);
  const isSet = (bit: number) => (flags & bit) !== 0;
  const hasCredential = isSet(ATTESTED_CREDENTIAL_DATA);
  const attested = hasCredential ? readAttestedCredential(bytes, view) : { end: HEADER_BYTES, credential: undefined };
  const end = attested && isSet(EXTENSION_DATA) ? readCborMap(bytes, attested.end)?.end : attested?.end;
  if (end !== bytes.byteLength) return undefined;
  return {
    rpIdHash: bytes.subarray(0, FLAGS_AT),
    isUserPresent: isSet(USER_PRESENT),
    isUserVerified: isSet(USER_VERIFIED),
    isBackupEligible: isSet(BACKUP_ELIGIBLE),
    isBackedUp: isSet(BACKUP_STATE),
    counter: view.getUint32(COUNTER_AT),
    attested: attested?.credential,
  };
}

/**
 * Checks the data as WebAuthn requires for a new passkey (§7.1) and for a login (§7.2). Returns the fault, or
 * `undefined` if there is none.
 */
export function authenticatorDataFault(data: AuthenticatorData, { rpId }: Expectation): string | undefined {
  if (!constantTimeEqual(sha256(utf8(rpId)), data.rpIdHash)) return "The passkey is for another relying party.";
  if (!data.isUserPresent) return "The user was not present.";
  if (!data.isUserVerified) return "The authenticator didn't verify the user.";
  if (data.isBackedUp && !data.isBackupEligible) return "The passkey is backed up, but can't be.";
  return undefined;
}

function readAttestedCredential(bytes: Uint8Array, view: DataView) {
  if (bytes.byteLength < ID_AT) return undefined;
  const length = view.getUint16(ID_LENGTH_AT);
  const key = readCborMap(bytes, ID_AT + length);
  if (length < SHORTEST_ID || length > LONGEST_ID || key === undefined) return undefined;
  const credential: AttestedCredential = {
    aaguid: formatUuid(bytes.subarray(HEADER_BYTES, ID_LENGTH_AT)),
    credentialId: bytes.subarray(ID_AT, ID_AT + length),
    coseKey: key.value,
  };
  return { credential, end: key.end };
}
