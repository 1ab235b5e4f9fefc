/** The examples that the standard gives: https://www.w3.org/TR/webauthn-3/#sctn-test-vectors */
import { describe, expect, it } from "vitest";
import { readAuthenticatorData } from "../../src/factors/passkeys/authenticator-data.ts";
import { readCbor } from "../../src/factors/passkeys/cbor.ts";
import { challengeOf } from "../../src/factors/passkeys/client-data.ts";
import { isSignedBy, PASSKEY_ALGORITHMS, readPublicKey } from "../../src/factors/passkeys/public-key.ts";
import { verifyRegistration } from "../../src/factors/passkeys/verify-registration.ts";
import { sha256 } from "../../src/platform/crypto.ts";
import { concatBytes, decodeHex, encodeBase64url } from "../../src/platform/encoding.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import VECTORS from "./webauthn-vectors.json";

describe("the test vectors of the standard (WebAuthn Level 3 §16)", () => {
  const hex = (vector: Record<string, string>, member: string) => decodeHex(vector[member] ?? "");

  it.each(VECTORS.filter(({ algorithm }) => PASSKEY_ALGORITHMS.some((accepted) => accepted === algorithm)))(
    "verify as $name",
    async ({ algorithm, assertion, credentialId, registration }) => {
      const object = readCbor(hex(registration, "attestationObject"))?.value;
      const authData = object instanceof Map ? object.get("authData") : undefined;
      const data = authData instanceof Uint8Array ? readAuthenticatorData(authData) : undefined;
      expect(data?.attested?.credentialId).toEqual(decodeHex(credentialId));
      const key = readPublicKey(data?.attested?.coseKey ?? new Map());
      if (key === undefined) throw new Error("The key was not read.");
      expect(key.algorithm).toBe(algorithm);
      const hash = sha256(hex(assertion, "clientDataJSON"));
      const signed = concatBytes(hex(assertion, "authenticatorData"), hash);
      expect(await isSignedBy(key, hex(assertion, "signature"), signed)).toBe(true);
      expect(await isSignedBy(key, hex(assertion, "signature"), concatBytes(signed, hash))).toBe(false);
    },
  );

  it.each(VECTORS)("are accepted as the service requires: $name", async ({ name, credentialId, registration }) => {
    const response = {
      clientDataJSON: hex(registration, "clientDataJSON"),
      attestationObject: hex(registration, "attestationObject"),
      transports: [],
    };
    const text = encodeBase64url(hex(registration, "challenge"));
    const outcome = await verifyRegistration(
      { id: encodeBase64url(decodeHex(credentialId)), type: "public-key", response },
      { challenge: { text }, origins: ["https://example.org"], rpId: "example.org" },
    );
    expect(challengeOf({ response })).toBe(text);
    const reason = isRefusal(outcome) ? outcome.details.reason : "accepted";
    expect(reason).toBe(VERDICTS.get(name) ?? "The authenticator didn't verify the user.");
  });

  const VERDICTS = new Map([
    ["ES256, self attestation", "accepted"],
    ["RS256, packed attestation", "accepted"],
    ["ES256, TPM attestation", "accepted"],
    ["ES256, crossOrigin", "The page was in a frame of another origin."],
    ["ES256, topOrigin", "The page was in a frame of another origin."],
  ]);
});
