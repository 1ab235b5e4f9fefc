/**
 * Passkeys as browsers send them: `PublicKeyCredential.toJSON()` (WebAuthn §5.1). Ignores members that the service does
 * not need, such as the outputs of extensions, or the copy of the public key.
 */
import * as z from "zod";
import { decodeBase64url } from "../../platform/encoding.ts";

/** Maximum sizes in bytes. WebAuthn limits only ids (§4) and user handles (§5.4.3). */
const LONGEST = { id: 1_023, userHandle: 64, clientData: 4_096, authenticatorData: 4_096, signature: 1_024 };
/** In bytes. This is large because some attestation formats contain several certificates. */
const LONGEST_ATTESTATION_OBJECT = 24_576;

const text = (mostBytes: number) =>
  z
    .base64url("Use base64url without padding.")
    .min(1, "This is empty.")
    .max(Math.ceil((mostBytes * 4) / 3), `This is longer than ${mostBytes} bytes.`);

const bytes = (most: number) =>
  text(most).transform((encoded, context) => {
    const decoded = decodeBase64url(encoded);
    if (decoded !== undefined) return decoded;
    context.addIssue({ code: "custom", message: "Use base64url without padding." });
    return z.NEVER;
  });

/** A new passkey: `RegistrationResponseJSON`. */
export const registrationResponse = z
  .object({
    id: text(LONGEST.id),
    type: z.literal("public-key"),
    response: z.object({
      clientDataJSON: bytes(LONGEST.clientData),
      attestationObject: bytes(LONGEST_ATTESTATION_OBJECT),
      // Hints for the browser, kept as they are (WebAuthn §5.8.4).
      transports: z.array(z.string().max(32)).max(16).default([]),
    }),
  })
  .meta({
    description: "`RegistrationResponseJSON` (WebAuthn §5.1).",
    examples: [exampleOf({ attestationObject: "o2NmbXRkbm9uZQ" })],
  });

/** The use of a passkey: `AuthenticationResponseJSON`. */
export const authenticationResponse = z
  .object({
    id: text(LONGEST.id),
    type: z.literal("public-key"),
    response: z.object({
      clientDataJSON: bytes(LONGEST.clientData),
      authenticatorData: bytes(LONGEST.authenticatorData),
      signature: bytes(LONGEST.signature),
      userHandle: bytes(LONGEST.userHandle).nullish(),
    }),
  })
  .meta({
    description: "`AuthenticationResponseJSON` (WebAuthn §5.1).",
    examples: [exampleOf({ authenticatorData: "SZYN5YgO", signature: "MEUCIQD0" })],
  });

export type RegistrationResponse = z.infer<typeof registrationResponse>;
export type AuthenticationResponse = z.infer<typeof authenticationResponse>;

/** An example for the API reference. Real responses are longer. */
function exampleOf(response: Record<string, string>) {
  const clientDataJSON = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0";
  return { id: "dGhlIGlkIG9mIGEgcGFzc2tleQ", type: "public-key", response: { clientDataJSON, ...response } };
}
