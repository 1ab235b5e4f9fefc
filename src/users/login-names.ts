/** The names that people log in with: an email address or a username. */
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";

/** An email address or a username in its stored form. */
export type LoginName = { email: string } | { username: string };

/** A username in lower case, because spellings that differ only in case belong to one account. */
export function canonicalName(username: string): string {
  return username.toLowerCase();
}

/** The key under which login attempts with this name are counted. */
export function loginNameKey(name: LoginName): string {
  return JSON.stringify(name);
}

/** The keys of an account's names. */
export function loginNameKeys({ email, username }: { email: string; username: string }): string[] {
  return [loginNameKey({ email }), loginNameKey({ username: canonicalName(username) })];
}

/**
 * The digest that reserves the username of a deleted account, so that no other person can pretend to be its owner. The
 * name itself is not stored, because personal data must be deleted. The digest is SHA-256 of the lower-case username,
 * in base64url.
 */
export function usernameDigest(username: string): string {
  return encodeBase64url(sha256(utf8(canonicalName(username))));
}
