import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCbor } from "../../src/factors/passkeys/cbor.ts";

describe("the reader of CBOR", () => {
  const read = (...bytes: number[]) => readCbor(Uint8Array.from(bytes));

  it("reads what authenticators write (RFC 8949 Appendix A)", () => {
    const examples: [number[], unknown][] = [
      [[0x17], 23],
      [[0x18, 0x64], 100],
      [[0x19, 0x03, 0xe8], 1_000],
      [[0x1a, 0x00, 0x0f, 0x42, 0x40], 1_000_000],
      [[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00], 1_000_000_000_000],
      [[0x20], -1],
      [[0x39, 0x03, 0xe7], -1_000],
      [[0xf4], false],
      [[0xf5], true],
      [[0xf6], null],
      [[0x44, 1, 2, 3, 4], Uint8Array.of(1, 2, 3, 4)],
      [[0x62, 0xc3, 0xbc], "ü"],
      [
        [0x83, 1, 0x82, 2, 3, 0x80],
        [1, [2, 3], []],
      ],
      [
        [0xa2, 0x61, 0x61, 1, 2, 0xa0],
        new Map<unknown, unknown>([
          ["a", 1],
          [2, new Map()],
        ]),
      ],
    ];
    for (const [bytes, value] of examples) expect(read(...bytes)).toEqual({ value, end: bytes.length });
  });

  it("refuses the rest", () => {
    const malformed = [
      [],
      [0x18],
      [0x1c],
      [0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x5f, 0x41, 1, 0xff],
      [0x7f, 0xff],
      [0x9f, 0xff],
      [0x42, 1],
      [0x61, 0xff],
      [0x82, 1],
      [0xa1, 1],
      [0xa1, 0x41, 1, 1],
      [0xa1, 0x80, 1],
      [0xa2, 1, 1, 1, 1],
      [0xc0, 1],
      [0xf0],
      [0xf7],
      [0xf8, 0x14],
      [0xf9, 0, 0],
      [0xff],
    ];
    for (const bytes of malformed) expect(read(...bytes), bytes.join(" ")).toBeUndefined();
    expect(read(...Array(7).fill(0x81), 1)).toBeDefined();
    expect(read(...Array(8).fill(0x81), 1)).toBeUndefined();
  });

  it("never throws and never reads beyond the end", () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(bytes, (content) => (readCbor(content)?.end ?? 0) <= content.byteLength),
      { numRuns: 5_000 },
    );
  });
});
