/** User handles (WebAuthn §5.4.3): the id that an authenticator keeps beside a passkey, here the bytes of the user's id. */
import { encodeBase64url, formatUuid, parseUuid } from "../../platform/encoding.ts";

/** @throws {TypeError} if the id is not a UUID */
export function writeUserHandle(userId: string): string {
  const bytes = parseUuid(userId);
  if (bytes === undefined) throw new TypeError("A user handle needs a UUID.");
  return encodeBase64url(bytes);
}

/** The user's id, or `undefined` if the handle is not of this service. It is only what the client says. */
export function readUserHandle(handle: Uint8Array): string | undefined {
  return handle.byteLength === 16 ? formatUuid(handle) : undefined;
}
