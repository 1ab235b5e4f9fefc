import { domainToASCII, domainToUnicode } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const script = new URL("../../public/static/unicode-email.js", import.meta.url).href;
const { unicodeEmail }: { unicodeEmail(email: string): string } = await import(script);

describe("an email address on the pages", () => {
  it("has its domain in the same Unicode as in our emails", () => {
    const letter = fc.oneof(
      fc.constantFrom(..."abcxyz019"),
      fc.constantFrom(..."àéîöüßøłžαβγδабвгд例え日本語한국어"),
      fc.integer({ min: 0x3400, max: 0x2ebe0 }).map((codePoint) => String.fromCodePoint(codePoint)),
    );
    const label = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(""));
    let international = 0;
    fc.assert(
      fc.property(fc.array(label, { minLength: 2, maxLength: 4 }), (labels) => {
        const domain = domainToASCII(labels.join("."));
        if (domain.includes("xn--")) international += 1;
        expect(unicodeEmail(`ada@${domain}`)).toBe(`ada@${domainToUnicode(domain)}`);
      }),
      { numRuns: 2_000 },
    );
    expect(international).toBeGreaterThan(200);
  });

  it.each(["ada@example.com", "xn--ada@example.com", "ada@xn--99999999.example", "no address"])(
    "stays as it is where there is nothing to decode: %s",
    (email) => {
      expect(unicodeEmail(email)).toBe(email);
    },
  );
});
