import { formatUuid } from "./encoding.ts";

/** A source of randomness. Code that needs random bytes takes a source as a parameter. */
export interface Random {
  /** `length` bytes from the platform's cryptographically secure generator. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** The only place that reads the real generator. */
export const systemRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

/** A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix time in milliseconds and 74 random bits, so ids sort by creation time. */
export function createId(now: number, random: Random): string {
  const bytes = random.bytes(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  return formatUuid(bytes);
}

/** When a UUIDv7 was created, in milliseconds since the epoch. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
}

/** The id that sorts last. Throws if there are no ids. */
export function lastInOrder(ids: readonly string[]): string {
  return ids.reduce((last, id) => (id > last ? id : last));
}

/**
 * A text that sorts before every id that is created at `time` or later. A time before the epoch counts as the epoch.
 */
export function earliestId(time: number): string {
  const since = Math.max(0, time);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(since / 2 ** 32));
  view.setUint32(2, since % 2 ** 32);
  return formatUuid(bytes);
}
