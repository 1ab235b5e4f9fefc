/**
 * Link tokens: what the links in mails carry. Nothing of them is stored. A token is base64url of
 *
 *   version (1 byte) · user id (16) · expiry (6, ms) · mail id (16) · fingerprint (16) · HMAC-SHA-256 (32)
 *
 * sealed under a key of its purpose. The fingerprint is of the state that spending the link changes,
 * so a link dies with that state; the mail id makes one link of many recognisable.
 */
import { type Secrets, sha256 } from "../platform/crypto.ts";
import { concatBytes, decodeBase64url, encodeBase64url, formatUuid, parseUuid, utf8 } from "../platform/encoding.ts";

export type LinkPurpose = "verify-email";

export interface LinkContent {
  userId: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** Compare with {@link fingerprint} of the state as it is now. */
  fingerprint: string;
}

export type OpenedLink = { outcome: "opened"; content: LinkContent } | { outcome: "invalid" } | { outcome: "expired" };

const VERSION = 1;
const FINGERPRINT_BYTES = 16;
const CONTENT_BYTES = 1 + 16 + 6 + 16 + FINGERPRINT_BYTES;
const TOKEN_BYTES = CONTENT_BYTES + 32;

/**
 * Seals a link for a mail. The same mail always carries the same link, however often it is composed,
 * so that a provider knows a retry for what it is.
 */
export function sealLink(
  purpose: LinkPurpose,
  link: { userId: string; expiresAt: number; state: string[]; mailId: string },
  secrets: Secrets,
): string {
  const user = parseUuid(link.userId);
  const mail = parseUuid(link.mailId);
  if (user === undefined || mail === undefined) throw new TypeError("A link token needs two UUIDs.");
  const expiry = new Uint8Array(8);
  new DataView(expiry.buffer).setBigUint64(0, BigInt(link.expiresAt));
  const print = fingerprintBytes(link.state);
  const content = concatBytes(Uint8Array.of(VERSION), user, expiry.subarray(2), mail, print);
  return encodeBase64url(concatBytes(content, secrets.sign(`link/${purpose}`, content)));
}

/** Opens a link token of this purpose. A forged or mangled one is refused before any storage is touched. */
export function openLink(purpose: LinkPurpose, token: string, secrets: Secrets, now: number): OpenedLink {
  const bytes = decodeBase64url(token);
  if (bytes?.byteLength !== TOKEN_BYTES) return { outcome: "invalid" };
  const content = bytes.subarray(0, CONTENT_BYTES);
  const tag = bytes.subarray(CONTENT_BYTES);
  if (content[0] !== VERSION || !secrets.verify(`link/${purpose}`, content, tag)) return { outcome: "invalid" };
  const view = new DataView(content.buffer, content.byteOffset);
  const expiresAt = view.getUint16(17) * 2 ** 32 + view.getUint32(19);
  if (now >= expiresAt) return { outcome: "expired" };
  return {
    outcome: "opened",
    content: {
      userId: formatUuid(content.subarray(1, 17)),
      expiresAt,
      fingerprint: encodeBase64url(content.subarray(CONTENT_BYTES - FINGERPRINT_BYTES)),
    },
  };
}

/** A short digest of the state that a link depends on. Public: it is in the token, under the seal. */
export function fingerprint(state: string[]): string {
  return encodeBase64url(fingerprintBytes(state));
}

/** What may be kept of a link that was spent, to know it again. */
export function linkHash(token: string): string {
  return encodeBase64url(sha256(utf8(token)));
}

function fingerprintBytes(state: string[]): Uint8Array {
  return sha256(utf8(JSON.stringify(state))).subarray(0, FINGERPRINT_BYTES);
}
