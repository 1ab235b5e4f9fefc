/**
 * A reader of CBOR (RFC 8949), for the part of it that authenticators write (CTAP 2.2 §8): integers, byte and text
 * strings, arrays, maps, booleans and null, all of a definite length.
 *
 * Longer forms of a number and another order of keys are read too: no value is compared by its encoding, and not every
 * authenticator keeps to the canonical form. What could be understood in two ways, such as a key that occurs twice, is
 * refused.
 */

export type CborValue = number | string | boolean | null | Uint8Array | CborValue[] | CborMap;
export type CborMap = Map<CborValue, CborValue>;

interface Item<Value> {
  value: Value;
  /** Where the next item begins. */
  end: number;
}

/** CTAP 2.2 §8 allows 4 levels. The attestation object that a browser adds, and compound statements, have some more. */
const DEEPEST = 8;

/** False, true and null. Their first byte is the only one. */
const SIMPLE_VALUES: Record<number, boolean | null> = { 244: false, 245: true, 246: null };

/** The item that begins at `at`. What follows it is not read. `undefined` if it is malformed or not of a known type. */
export function readCbor(bytes: Uint8Array, at = 0): Item<CborValue> | undefined {
  return readItem(bytes, at, DEEPEST);
}

/** The map that begins at `at`. */
export function readCborMap(bytes: Uint8Array, at = 0): Item<CborMap> | undefined {
  const item = readCbor(bytes, at);
  return item?.value instanceof Map ? { value: item.value, end: item.end } : undefined;
}

function readItem(bytes: Uint8Array, at: number, depth: number): Item<CborValue> | undefined {
  const head = readHead(bytes, at);
  if (head === undefined || depth === 0) return undefined;
  const { first, type, argument, end } = head;
  switch (type) {
    case 0:
      return { value: argument, end };
    case 1:
      return { value: -1 - argument, end };
    case 2:
      return readBytes(bytes, end, argument);
    case 3:
      return readText(bytes, end, argument);
    case 4:
      return readItems(bytes, end, argument, depth - 1);
    case 5:
      return readMap(bytes, end, argument, depth - 1);
    default:
      return readSimple(first, end);
  }
}

/** The major type and the argument of an item (RFC 8949 §3). `undefined` for an indefinite length. */
function readHead(bytes: Uint8Array, at: number) {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const type = first >> 5;
  const low = first & 0x1f;
  if (low < 24) return { first, type, argument: low, end: at + 1 };
  const end = at + 1 + 2 ** (low - 24);
  if (low > 27 || end > bytes.byteLength) return undefined;
  const argument = bytes.subarray(at + 1, end).reduce((sum, byte) => sum * 256 + byte, 0);
  return argument < Number.MAX_SAFE_INTEGER ? { first, type, argument, end } : undefined;
}

function readBytes(bytes: Uint8Array, at: number, length: number): Item<Uint8Array> | undefined {
  const end = at + length;
  return end <= bytes.byteLength ? { value: bytes.subarray(at, end), end } : undefined;
}

function readText(bytes: Uint8Array, at: number, length: number): Item<string> | undefined {
  const item = readBytes(bytes, at, length);
  if (item === undefined) return undefined;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { value: decoder.decode(item.value), end: item.end };
  } catch {
    // Not UTF-8.
    return undefined;
  }
}

function readSimple(first: number, end: number): Item<boolean | null> | undefined {
  const value = SIMPLE_VALUES[first];
  return value === undefined ? undefined : { value, end };
}

function readItems(bytes: Uint8Array, at: number, count: number, depth: number): Item<CborValue[]> | undefined {
  const value: CborValue[] = [];
  let end = at;
  while (value.length < count) {
    const item = readItem(bytes, end, depth);
    if (item === undefined) return undefined;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}

/** Keys are integers or texts. None occurs twice (RFC 8949 §5.6). */
function readMap(bytes: Uint8Array, at: number, size: number, depth: number): Item<CborMap> | undefined {
  const items = readItems(bytes, at, size * 2, depth);
  if (items === undefined) return undefined;
  const keys = items.value.filter((_, place) => place % 2 === 0);
  const value: CborMap = new Map(keys.map((key, place) => [key, items.value[place * 2 + 1] ?? null]));
  const areKeys = keys.every((key) => typeof key === "number" || typeof key === "string");
  return areKeys && value.size === size ? { value, end: items.end } : undefined;
}
