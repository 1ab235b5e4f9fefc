/**
 * Usernames of deleted accounts stay reserved for a while, so that no one can pose as their former owner. Only a digest
 * is stored, because the owner's data is deleted.
 */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import { canonicalName } from "./login-names.ts";

/** SHA-256 of the lower-case username, base64url. */
export function usernameDigest(username: string): string {
  return encodeBase64url(sha256(utf8(canonicalName(username))));
}
