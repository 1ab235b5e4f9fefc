/** Writes CBOR (RFC 8949). Maps keep the order in which their keys were added. */
import { concatBytes, utf8 } from "../../src/platform/encoding.ts";

export type CborInput = number | string | boolean | null | Uint8Array | readonly CborInput[] | CborInputMap;
interface CborInputMap extends ReadonlyMap<CborInput, CborInput> {}

export function encodeCbor(value: CborInput): Uint8Array<ArrayBuffer> {
  if (typeof value === "number") return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (typeof value === "string") return concatBytes(cborHead(3, utf8(value).byteLength), utf8(value));
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (value instanceof Uint8Array) return concatBytes(cborHead(2, value.byteLength), value);
  if (value instanceof Map) {
    const members = [...value].flatMap(([key, member]) => [encodeCbor(key), encodeCbor(member)]);
    return concatBytes(cborHead(5, value.size), ...members);
  }
  if (Array.isArray(value)) return concatBytes(cborHead(4, value.length), ...value.map(encodeCbor));
  throw new TypeError("Not a value that CBOR has.");
}

/** The shortest head of an item: its major type, and its number or length. */
export function cborHead(type: number, argument: number): Uint8Array<ArrayBuffer> {
  const first = type << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 2 ** 8) return Uint8Array.of(first | 24, argument);
  if (argument < 2 ** 16) return Uint8Array.of(first | 25, argument >> 8, argument & 0xff);
  const bytes = new Uint8Array(5);
  bytes[0] = first | 26;
  new DataView(bytes.buffer).setUint32(1, argument);
  return bytes;
}
