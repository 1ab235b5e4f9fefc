/**
 * Time-based one-time passwords (RFC 6238) as all authenticator apps support them: HMAC-SHA-1, six digits, a new code
 * every 30 seconds.
 */
import { SECOND } from "../platform/clock.ts";
import { constantTimeEqual, hmacSha1 } from "../platform/crypto.ts";
import { encodeBase32, utf8 } from "../platform/encoding.ts";

/** RFC 4226 §4 recommends this length for an HMAC-SHA-1 key. */
export const SEED_BYTES = 20;

const DIGITS = 6;
const PERIOD = 30 * SECOND;
/** How many steps a code may be early or late: one, as RFC 6238 §5.2 recommends. */
const TOLERANCE = 1;

/** The code of a time step (RFC 4226 §5.3). */
function codeOf(seed: Uint8Array, step: number): string {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(step));
  const digest = hmacSha1(seed, counter);
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const offset = view.getUint8(digest.byteLength - 1) & 0xf;
  const number = (view.getUint32(offset) & 0x7fffffff) % 10 ** DIGITS;
  return String(number).padStart(DIGITS, "0");
}

/**
 * Returns the time step of a code if the code is right and the step is later than `lastStep`, otherwise `undefined`. So
 * a used code or an earlier code is never accepted (RFC 6238 §5.2). `now` is in milliseconds since the epoch.
 */
export function stepOf(seed: Uint8Array, code: string, lastStep: number, now: number): number | undefined {
  const current = Math.floor(now / PERIOD);
  const typed = utf8(code);
  let matching: number | undefined;
  for (let step = current - TOLERANCE; step <= current + TOLERANCE; step += 1) {
    if (constantTimeEqual(utf8(codeOf(seed, step)), typed) && step > lastStep) matching ??= step;
  }
  return matching;
}

/** The address that an authenticator app reads from a QR code (Google Authenticator's "Key Uri Format"). */
export function otpauthUri({ issuer, account, seed }: { issuer: string; account: string; seed: Uint8Array }): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${encodeBase32(seed)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${DIGITS}&period=${PERIOD / SECOND}`;
}
