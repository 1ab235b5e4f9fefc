/** Usernames of deleted accounts: nobody else shall pass for their bearer. Known by a digest, since the bearer is gone. */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import { canonicalName } from "./login-names.ts";

/** SHA-256 of the lower-case username, base64url. */
export function usernameDigest(username: string): string {
  return encodeBase64url(sha256(utf8(canonicalName(username))));
}
