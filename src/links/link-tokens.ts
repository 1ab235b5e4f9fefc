/**
 * The tokens of emailed links. They are not stored. A token is the base64url encoding of
 *
 *   version (1 byte) · subject id (16) · expiry (6, ms) · mail id (16) · fingerprint (16) · HMAC-SHA-256 (32)
 *
 * The subject is what the link is about, such as a user. The fingerprint covers the state that the link depends on: if
 * that state changes, the link stops working. The mail id makes each link unique. Each purpose has its own HMAC key.
 */
import type { Clock } from "../platform/clock.ts";
import { constantTimeEqual, type Secrets, sha256 } from "../platform/crypto.ts";
import { concatBytes, decodeBase64url, encodeBase64url, formatUuid, parseUuid, utf8 } from "../platform/encoding.ts";
import { refuse } from "../platform/refusal.ts";

/**
 * What a link is for.
 *
 * `verify-email`: the subject is a registration. The link needs no state, because the registration's password never
 * changes, and the registration is deleted when its link is used.
 *
 * `reset-password`: the subject is a user. The state is their address and session epoch. A reset begins a new epoch.
 *
 * `invitation`: the subject is the invitation. The state is the address. The table `users` shows whether the address
 * has an account by now. The invitation's row shows whether it was accepted or revoked. `first-superuser` is an
 * invitation that makes the first superuser.
 *
 * `confirm-email` and `undo-email-change`: the subject is the change of the address. Its row in `email_changes` shows
 * whether it was confirmed or undone.
 *
 * `email-login`: the subject is a user, and the state is the same as for a reset. The user's object remembers the links
 * that were used.
 */
export type LinkPurpose =
  | "verify-email"
  | "reset-password"
  | "invitation"
  | "first-superuser"
  | "confirm-email"
  | "undo-email-change"
  | "email-login";

const VERSION = 1;
const EXPIRY_AT = 1 + 16;
const MAIL_AT = EXPIRY_AT + 6;
const FINGERPRINT_BYTES = 16;
const CONTENT_BYTES = MAIL_AT + 16 + FINGERPRINT_BYTES;
const TOKEN_BYTES = CONTENT_BYTES + 32;

/**
 * Creates the signed token of a link. The link expires at `expiresAt`, in milliseconds since the epoch. The same values
 * give the same token. So a retry of an email contains the same link, and the email provider can recognize the retry.
 *
 * @throws {TypeError} if an id is not a UUID
 */
export function signLink(
  purpose: LinkPurpose,
  link: { subjectId: string; expiresAt: number; mailId: string; state: readonly (string | number)[] },
  secrets: Secrets,
): string {
  const subject = parseUuid(link.subjectId);
  const mail = parseUuid(link.mailId);
  if (subject === undefined || mail === undefined) throw new TypeError("A link token needs two UUIDs.");
  const expiry = new Uint8Array(8);
  new DataView(expiry.buffer).setBigUint64(0, BigInt(link.expiresAt));
  const print = fingerprintBytes(link.state);
  const content = concatBytes(Uint8Array.of(VERSION), subject, expiry.subarray(2), mail, print);
  return encodeBase64url(concatBytes(content, secrets.sign(keyPurpose(purpose), content)));
}

/**
 * Checks the HMAC, the purpose and the expiry of a link token, and returns its content. A forged or damaged token is
 * refused without access to storage. Call {@link isOfState} next: it compares the fingerprint with the current state.
 */
export function verifyLink(
  purpose: LinkPurpose,
  token: string,
  { secrets, clock }: { secrets: Secrets; clock: Clock },
) {
  const bytes = decodeBase64url(token);
  if (bytes?.byteLength !== TOKEN_BYTES) return refuse("invalid_token");
  const content = bytes.subarray(0, CONTENT_BYTES);
  const tag = bytes.subarray(CONTENT_BYTES);
  if (content[0] !== VERSION || !secrets.verify(keyPurpose(purpose), content, tag)) {
    return refuse("invalid_token");
  }
  const view = new DataView(content.buffer, content.byteOffset + EXPIRY_AT);
  const expiresAt = view.getUint16(0) * 2 ** 32 + view.getUint32(2);
  if (clock.now() >= expiresAt) return refuse("expired_token");
  return {
    subjectId: formatUuid(content.subarray(1, EXPIRY_AT)),
    mailId: formatUuid(content.subarray(MAIL_AT, MAIL_AT + 16)),
    expiresAt,
    fingerprint: content.subarray(CONTENT_BYTES - FINGERPRINT_BYTES),
  };
}

/** Whether a link was made for this state. Takes constant time. */
export function isOfState(link: { fingerprint: Uint8Array }, state: readonly (string | number)[]): boolean {
  return constantTimeEqual(link.fingerprint, fingerprintBytes(state));
}

/** A hash of a link's token. The service can store it in order to recognize a used link. */
export function linkHash(token: string): string {
  return encodeBase64url(sha256(utf8(token)));
}

function fingerprintBytes(state: readonly (string | number)[]): Uint8Array {
  return sha256(utf8(JSON.stringify(state))).subarray(0, FINGERPRINT_BYTES);
}

function keyPurpose(purpose: LinkPurpose): string {
  return `link/${purpose}`;
}
