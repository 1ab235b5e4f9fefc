/**
 * What a page passes to `navigator.credentials` (WebAuthn §5.4, §5.5), in the JSON format that browsers parse (§5.1.8,
 * §5.1.9).
 */
import { CHALLENGE_LIFETIME } from "./challenge.ts";
import { PASSKEY_ALGORITHMS } from "./public-key.ts";
import { writeUserHandle } from "./user-handle.ts";

const PUBLIC_KEY = "public-key" as const;
const REQUIRED = "required" as const;

/** A passkey that the user has. */
export interface KnownPasskey {
  credentialId: string;
  transports: readonly string[];
}

/**
 * The options for creating a passkey that can be used without typing a name (`residentKey`) and that proves two factors
 * (`userVerification`). The browser shows the names in `user` when the user chooses a passkey. `existing` keeps the
 * browser from registering the same authenticator twice.
 */
export function creationOptions({
  rp,
  user,
  challenge,
  existing,
}: {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  challenge: string;
  existing: readonly KnownPasskey[];
}) {
  return {
    rp,
    user: { ...user, id: writeUserHandle(user.id) },
    challenge,
    pubKeyCredParams: PASSKEY_ALGORITHMS.map((alg) => ({ type: PUBLIC_KEY, alg })),
    timeout: CHALLENGE_LIFETIME,
    excludeCredentials: existing.map(describe),
    // `requireResidentKey` is for browsers that know only WebAuthn Level 1.
    authenticatorSelection: { residentKey: REQUIRED, requireResidentKey: true, userVerification: REQUIRED },
    attestation: "none" as const,
  };
}

/**
 * The options for using a passkey. Without `allowed`, the user chooses among the passkeys that their devices have for
 * `rpId`.
 */
export function requestOptions(rpId: string, challenge: string, allowed: readonly KnownPasskey[] = []) {
  return {
    challenge,
    timeout: CHALLENGE_LIFETIME,
    rpId,
    allowCredentials: allowed.map(describe),
    userVerification: REQUIRED,
  };
}

function describe({ credentialId, transports }: KnownPasskey) {
  return { type: PUBLIC_KEY, id: credentialId, transports: [...transports] };
}
