/**
 * A compact set of texts. It can tell whether it contains a text, but it can't list its texts. For each text it stores
 * a fingerprint: the first bits of the SHA-256 hash. The fingerprints are sorted, and the gaps between them are
 * Rice-coded. A checksum comes first, because without it, any bytes could be read as a set.
 */
import { Buffer } from "node:buffer";
import { sha256 } from "../platform/crypto.ts";
import { utf8 } from "../platform/encoding.ts";

/**
 * If the set has n texts, any other text wrongly counts as a member with the probability n / 2^34: one in a million for
 * 16,000 texts.
 */
const FINGERPRINT_BITS = 34;

/**
 * How many low bits of a gap are written in binary. Rice coding writes the rest of the gap in unary. At most 25, so
 * that four bytes contain these bits at any bit offset.
 */
const REMAINDER_BITS = 20;

const REMAINDERS = 2 ** REMAINDER_BITS;

/** The bytes of the checksum, a SHA-256 hash of all that follows. */
const CHECKSUM_LENGTH = 32;

/** The fingerprint of a text: an integer below 2^34. */
export function fingerprint(text: string): number {
  return Math.floor(Buffer.from(sha256(utf8(text))).readUIntBE(0, 5) / 2 ** (40 - FINGERPRINT_BITS));
}

/** Encodes the fingerprints of the texts. */
export function encodeFingerprints(texts: readonly string[]): Uint8Array {
  const sorted = [...new Set(texts.map(fingerprint))].sort((left, right) => left - right);
  const bits: number[] = [];
  let previous = 0;
  for (const one of sorted) {
    const gap = one - previous;
    previous = one;
    for (let quotient = Math.floor(gap / REMAINDERS); quotient > 0; quotient--) bits.push(1);
    bits.push(0);
    const remainder = gap % REMAINDERS;
    for (let place = REMAINDER_BITS - 1; place >= 0; place--) bits.push((remainder >> place) & 1);
  }
  const bytes = Buffer.alloc(Math.ceil(bits.length / 8), 0xff);
  for (const [index, bit] of bits.entries()) if (bit === 0) bytes[index >> 3] &= ~(128 >> (index & 7));
  return Buffer.concat([sha256(bytes), bytes]);
}

/** Decodes the output of {@link encodeFingerprints}; `undefined` for anything else. */
export function decodeFingerprints(encoded: Uint8Array): Set<number> | undefined {
  const bytes = encoded.subarray(CHECKSUM_LENGTH);
  const isIntact = Buffer.from(sha256(bytes)).equals(encoded.subarray(0, CHECKSUM_LENGTH));
  if (!isIntact) return undefined;
  const end = bytes.length * 8;
  // Padding, so that four bytes can be read at once at any position.
  const readable = Buffer.concat([bytes, Buffer.alloc(4)]);
  const fingerprints = new Set<number>();
  let [position, previous] = [0, 0];
  // The last byte is filled up with ones. There, fewer bits are left than a remainder needs, so decoding stops.
  while (end - position > REMAINDER_BITS) {
    let quotient = 0;
    while (readable.readUInt8(position >> 3) & (128 >> (position & 7))) {
      quotient += 1;
      position += 1;
    }
    position += 1;
    const remainder = (readable.readUInt32BE(position >> 3) << (position & 7)) >>> (32 - REMAINDER_BITS);
    position += REMAINDER_BITS;
    previous += quotient * REMAINDERS + remainder;
    fingerprints.add(previous);
  }
  return fingerprints;
}
