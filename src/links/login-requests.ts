/**
 * Binds a login link to the browser that requested the link. Without this, a leaked or forwarded link would be enough
 * for a login, and an attacker could log another person in to an account of the attacker.
 *
 * Two values are derived from the id of the email, which the link contains. So the service stores nothing, and gives
 * the same answer for an address without an account. The browser that requests the link keeps `browserKey` in a cookie,
 * and shows `loginCode`. If the user opens the link in another browser, they type the code there.
 */
import { constantTimeEqual, type Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, utf8 } from "../platform/encoding.ts";

/**
 * Letters that form no words and can't be mistaken for digits, as RFC 8628 §6.1 recommends. Eight letters have 34 bits.
 */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
const LENGTH = 8;

const CODE = "email-login/code";
const BROWSER = "email-login/browser";

/** The code to show, such as `WDJB-MJHT`. `mailId` is the id of the requested email. */
export function loginCode(mailId: string, secrets: Secrets): string {
  const letters = lettersOf(secrets.sign(CODE, utf8(mailId)));
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`;
}

/** Whether `typed` is the code of the email. Ignores case, spaces and hyphens. */
export function isLoginCode(typed: string, mailId: string, secrets: Secrets): boolean {
  const letters = utf8(typed.replaceAll(/[\s-]/g, "").toUpperCase());
  return secrets.tags(CODE, utf8(mailId)).some((tag) => constantTimeEqual(utf8(lettersOf(tag)), letters));
}

/** The value for the `HttpOnly` cookie of the browser that requests the link: 256 bits, which no attacker can guess. */
export function browserKey(mailId: string, secrets: Secrets): string {
  return encodeBase64url(secrets.sign(BROWSER, utf8(mailId)));
}

/** Whether `key` is the key of the browser that requested the email. */
export function isBrowserKey(key: string, mailId: string, secrets: Secrets): boolean {
  const tag = decodeBase64url(key);
  return tag !== undefined && secrets.verify(BROWSER, utf8(mailId), tag);
}

/**
 * The letters of a code: the eight lowest base-20 digits of the first 64 bits. The probabilities of two codes differ by
 * a factor of at most 1 + 2^-29.
 */
function lettersOf(tag: Uint8Array): string {
  let rest = new DataView(tag.buffer, tag.byteOffset).getBigUint64(0);
  let letters = "";
  for (let place = 0; place < LENGTH; place++) {
    letters += LETTERS[Number(rest % 20n)];
    rest /= 20n;
  }
  return letters;
}
