/**
 * User handles (WebAuthn §5.4.3). An authenticator stores a user handle with each passkey. The handles of this service
 * are the bytes of the users' ids.
 */
import { encodeBase64url, formatUuid, parseUuid } from "../../platform/encoding.ts";

/** @throws {TypeError} if the id is not a UUID */
export function writeUserHandle(userId: string): string {
  const bytes = parseUuid(userId);
  if (bytes === undefined) throw new TypeError("A user handle needs a UUID.");
  return encodeBase64url(bytes);
}

/**
 * The user's id, or `undefined` if this service can't have created the handle. The client sends the handle, and nothing
 * proves that it is right.
 */
export function readUserHandle(handle: Uint8Array): string | undefined {
  return handle.byteLength === 16 ? formatUuid(handle) : undefined;
}
