import { describe, expect, it } from "vitest";
import { otpauthUri, stepOf } from "../../src/factors/totp.ts";
import { encodeBase32, utf8 } from "../../src/platform/encoding.ts";

/** From RFC 6238 Appendix B: the time in seconds, and the last six of the code's eight digits. */
const VECTORS: readonly (readonly [number, string])[] = [
  [59, "287082"],
  [1_111_111_109, "081804"],
  [1_111_111_111, "050471"],
  [1_234_567_890, "005924"],
  [2_000_000_000, "279037"],
  [20_000_000_000, "353130"],
];
const SEED = utf8("12345678901234567890");

describe("one-time passwords", () => {
  it.each(VECTORS)("are those of RFC 6238 at %d seconds", (seconds, code) => {
    expect(stepOf(SEED, code, 0, seconds * 1_000)).toBe(Math.floor(seconds / 30));
  });

  it.each([-2, -1, 0, 1, 2])("are accepted one step early or late, and no further: %d [MF-1]", (late) => {
    const [seconds, code] = VECTORS[1] ?? [0, ""];
    const step = Math.floor(seconds / 30);
    const found = stepOf(SEED, code, 0, (step + late) * 30_000);
    expect(found).toBe(Math.abs(late) > 1 ? undefined : step);
  });

  it("never pass again, and neither does an earlier one", () => {
    const [seconds, code] = VECTORS[2] ?? [0, ""];
    const step = Math.floor(seconds / 30);
    expect(stepOf(SEED, code, step - 1, seconds * 1_000)).toBe(step);
    expect(stepOf(SEED, code, step, seconds * 1_000)).toBeUndefined();
    expect(stepOf(SEED, code, step + 1, seconds * 1_000)).toBeUndefined();
  });

  it("are announced to an app with the product and the account, whatever they are called", () => {
    const uri = new URL(otpauthUri({ issuer: "Bücher & Co", account: "ada@example.com", seed: SEED }));
    expect(decodeURIComponent(uri.pathname)).toBe(
      "//totp/Bücher & Co:ada@example.com".slice(uri.host === "totp" ? 6 : 0),
    );
    const named = Object.fromEntries(uri.searchParams);
    const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    expect(named).toEqual({ secret, issuer: "Bücher & Co", algorithm: "SHA1", digits: "6", period: "30" });
  });

  it("have a secret in base32 as RFC 4648 §10 has it", () => {
    const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
    const encoded = ["", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"];
    expect(texts.map((text) => encodeBase32(utf8(text)))).toEqual(encoded);
  });
});
