/** The names that people log in by: an email address or a username. */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";

/** In canonical form. */
export type LoginName = { email: string } | { username: string };

/** The form in which two spellings of one email address or one username are equal. */
export function canonicalName(name: string): string {
  return name.toLowerCase();
}

/** What attempts to log in by a name are counted by. */
export function loginNameKey(name: LoginName): string {
  return JSON.stringify(name);
}

/** The keys of an account's names. */
export function loginNameKeys({ email, username }: { email: string; username: string }): string[] {
  return [loginNameKey({ email }), loginNameKey({ username: canonicalName(username) })];
}

/**
 * What is kept of the username of a deleted account, so that no one else can pass for its owner: SHA-256 of the
 * lower-case username, base64url. A digest, because the owner's personal data is gone.
 */
export function usernameDigest(username: string): string {
  return encodeBase64url(sha256(utf8(canonicalName(username))));
}
