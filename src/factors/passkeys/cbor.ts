/**
 * Reads the part of CBOR (RFC 8949) that authenticators write (CTAP 2.2 §8): integers, byte and text strings, arrays,
 * maps, booleans and null, all of a definite length.
 *
 * The reader also accepts numbers in more bytes than they need, and keys in any order, because some authenticators
 * don't write the canonical form, and the service never compares encodings. The reader refuses ambiguous input, such as
 * a map in which a key occurs twice.
 */

export type CborValue = number | string | boolean | null | Uint8Array | CborValue[] | CborMap;
export type CborMap = Map<CborValue, CborValue>;

interface Item<Value> {
  value: Value;
  /** Where the next item begins. */
  end: number;
}

/**
 * The deepest nesting. CTAP 2.2 §8 allows 4 levels. The attestation object, which the browser adds, and compound
 * attestation statements need more levels.
 */
const DEEPEST = 8;

/** The bytes that encode false, true and null. Each of these values is a single byte. */
const SIMPLE_VALUES: Record<number, boolean | null> = { 244: false, 245: true, 246: null };

/**
 * Reads the item that begins at `at`, and nothing after it. Returns `undefined` if the item is malformed, nested too
 * deeply, or not of a known type.
 */
export function readCbor(bytes: Uint8Array, at = 0): Item<CborValue> | undefined {
  return readItem(bytes, at, DEEPEST);
}

/** Like {@link readCbor}, for a map. Returns `undefined` if the item is not a map. */
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

/**
 * The major type and the argument of an item (RFC 8949 §3). `undefined` if the bytes end too early, the length is
 * indefinite, or the argument is too large for a JavaScript number.
 */
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

/** Accepts only integers and texts as keys, and each key only once (RFC 8949 §5.6). */
function readMap(bytes: Uint8Array, at: number, size: number, depth: number): Item<CborMap> | undefined {
  const items = readItems(bytes, at, size * 2, depth);
  if (items === undefined) return undefined;
  const keys = items.value.filter((_, place) => place % 2 === 0);
  const value: CborMap = new Map(keys.map((key, place) => [key, items.value[place * 2 + 1] ?? null]));
  const areKeys = keys.every((key) => typeof key === "number" || typeof key === "string");
  return areKeys && value.size === size ? { value, end: items.end } : undefined;
}
